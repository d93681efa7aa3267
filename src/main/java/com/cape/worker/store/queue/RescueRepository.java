package com.cape.worker.store.queue;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.store.Database;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Gives back what dead workers held. Safe for use by several threads. */
public final class RescueRepository {
  private final Database database;

  public RescueRepository(Database database) {
    this.database = requireNonNull(database);
  }

  // After a restart of the server the live workers come first.
  private static final String RESCUE =
      """
      WITH policy AS (
        SELECT ?::int AS most, ?::float8 AS delay, ?::float8 AS longest, ?::float8 AS quiet
      ), expired AS MATERIALIZED (
        SELECT id FROM cape_issue_attempts
         WHERE outcome = 'running' AND lease_expires_at < now()
           AND pg_postmaster_start_time() < now() - make_interval(secs => (SELECT quiet FROM policy))
         ORDER BY lease_expires_at
         LIMIT 100
           FOR UPDATE SKIP LOCKED
      ), lost AS (
        UPDATE cape_issue_attempts a
           SET outcome = 'lost', finished_at = now(),
               error = format('attempt %s lost: worker %s on %s did not extend its lease',
                              attempt, worker_id, host)
          FROM expired
         WHERE a.id = expired.id
        RETURNING a.issue_id, a.attempt, a.fence, a.worker_id, a.error
      ), wanted AS (
        SELECT i.id, lost.attempt, lost.error,
               CASE WHEN i.cancel_requested_at IS NOT NULL THEN 'cancelled'
                    WHEN most > 0 AND lost.attempt >= most THEN 'failed'
                    ELSE 'pending' END AS status
          FROM policy, cape_issues i JOIN lost ON i.id = lost.issue_id AND i.fence = lost.fence
         WHERE i.status = 'started'
           FOR UPDATE OF i
      ), rescued AS (
        UPDATE cape_issues i
           SET status = wanted.status, updated_at = now(), completed_at = NULL,
               last_error = wanted.error,
               assigned_worker_id = CASE WHEN wanted.status <> 'pending' THEN i.assigned_worker_id END,
               started_at = CASE WHEN wanted.status <> 'pending' THEN i.started_at END,
               cancel_requested_at = CASE WHEN wanted.status = 'cancelled' THEN i.cancel_requested_at END,
               run_after = CASE WHEN wanted.status = 'pending'
                                THEN now() + make_interval(secs =>
                                       least(delay * power(4, least(wanted.attempt - 1, 60)), longest)
                                       * (0.8 + 0.4 * random()))
                                ELSE i.run_after END
          FROM wanted, policy
         WHERE i.id = wanted.id
        RETURNING i.id, wanted.status
      )
      SELECT lost.issue_id, lost.attempt, lost.worker_id, rescued.status
        FROM lost LEFT JOIN rescued ON rescued.id = lost.issue_id
      """;

  /**
   * Closes attempts whose lease has run out, and puts their issues back where these are still
   * started under them: at most 100, the longest expired first.
   *
   * @param quiet how long the server must have been up
   */
  public List<Rescued> rescueExpired(RetryPolicy retries, Duration quiet) {
    return database.query(
        RESCUE,
        bind ->
            bind.number(retries.maxAttempts())
                .seconds(retries.delay())
                .seconds(retries.maxDelay())
                .seconds(quiet),
        row ->
            new Rescued(
                row.getLong("issue_id"),
                row.getInt("attempt"),
                row.getString("worker_id"),
                Optional.ofNullable(row.getString("status")).map(IssueStatus::ofWord)));
  }
}
