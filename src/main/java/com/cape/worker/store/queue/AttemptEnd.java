package com.cape.worker.store.queue;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.pause.PauseRepository;
import java.sql.SQLException;
import java.time.Duration;

/**
 * The statements that end an attempt.
 *
 * @param claim of the instance that holds it, unless this is a rescue
 * @param rescue requires that the lease has expired and the issue is still started
 * @param lockLimit how long to wait for others' lock on the issue's row
 */
record AttemptEnd(Claim claim, Settlement settlement, boolean rescue, Duration lockLimit) {
  // A completed attempt is accepted after a rescue, too, if the issue was not claimed again. The
  // lock limit is set before the first lock, for the transaction.
  private static final String ENDED =
      """
      WITH ended AS (
        UPDATE cape_issue_attempts a
           SET outcome = ?, finished_at = now(), exit_code = ?, signal = ?, error = ?, output_tail = ?
         WHERE a.run_id = ? AND set_config('lock_timeout', ?::text, true) IS NOT NULL
           AND (a.outcome = 'running' AND CASE WHEN ?::boolean THEN a.lease_expires_at < now() ELSE a.instance = ? END
                OR a.outcome = 'lost' AND ?::boolean
                   AND EXISTS (SELECT FROM cape_issues i WHERE i.id = a.issue_id AND i.fence = a.fence))
        RETURNING a.issue_id, a.fence, a.worker_id, a.started_at, a.error AS last_error, ?::text AS status,
                  ?::boolean AS counted, ?::boolean AS rescue, now() + make_interval(secs => ?::float8) AS run_after
      )
      """;

  // A cancel or an edit that commits while this waits for the row counts.
  private static final String ISSUE =
      """
      , written AS (
        UPDATE cape_issues i
           SET status = CASE WHEN i.cancel_requested_at IS NOT NULL AND (ended.status = 'pending' OR ended.rescue)
                             THEN 'cancelled' ELSE ended.status END,
               updated_at = now(),
               completed_at = CASE WHEN ended.status = 'completed' THEN now() END,
               assigned_worker_id = CASE WHEN ended.status <> 'pending' OR i.cancel_requested_at IS NOT NULL
                                         THEN coalesce(i.assigned_worker_id, ended.worker_id) END,
               started_at = CASE WHEN ended.status <> 'pending' OR i.cancel_requested_at IS NOT NULL
                                 THEN coalesce(i.started_at, ended.started_at) END,
               cancel_requested_at = CASE WHEN ended.status IN ('pending', 'cancelled') OR ended.rescue
                                          THEN i.cancel_requested_at END,
               attempts = CASE WHEN ended.counted OR ended.status = 'pending' AND i.cancel_requested_at IS NOT NULL
                               THEN i.attempts ELSE greatest(i.attempts - 1, 0) END,
               run_after = CASE WHEN ended.status = 'pending' AND i.cancel_requested_at IS NULL
                                THEN coalesce(ended.run_after, i.run_after) ELSE i.run_after END,
               last_error = ended.last_error
          FROM ended
         WHERE i.id = ended.issue_id AND i.fence = ended.fence
           AND (NOT ended.rescue OR i.status::text = 'started')
        RETURNING i.status::text AS status
      )
      """;

  private static final String REFUSAL =
      """
      , written AS (
        INSERT INTO cape_refusals (issue_id, fence, status, counted, rescue, run_after, last_error, error, retry_at)
        SELECT issue_id, fence, status, counted, rescue, run_after, last_error, ?::text,
               now() + make_interval(secs => ?::float8)
          FROM ended
        ON CONFLICT (issue_id) DO UPDATE
           SET (fence, status, counted, rescue, run_after, last_error, error, refused_at, retry_at, tries) =
               (excluded.fence, excluded.status, excluded.counted, excluded.rescue, excluded.run_after,
                excluded.last_error, excluded.error, now(), excluded.retry_at, 1)
        RETURNING NULL AS status
      )
      """;

  private static final String PAUSE = ", paused AS (" + PauseRepository.ORDER + ")";

  private static final String ANSWER = "SELECT written.status FROM ended LEFT JOIN written ON true";

  /** Writes into the issue what it refused before, and deletes the refusal. */
  static final String LATE_ISSUE =
      """
      WITH ended AS (
        DELETE FROM cape_refusals r USING cape_issue_attempts a
         WHERE r.issue_id = ? AND r.fence = ? AND r.status <> 'started'
           AND set_config('lock_timeout', ?::text, true) IS NOT NULL
           AND a.issue_id = r.issue_id AND a.fence = r.fence
        RETURNING r.issue_id, r.fence, a.worker_id, a.started_at, r.last_error, r.status, r.counted, r.rescue, r.run_after
      )
      """
          + ISSUE
          + ANSWER;

  String withIssue() {
    return ENDED + ISSUE + pause() + ANSWER;
  }

  String withRefusal() {
    return ENDED + REFUSAL + pause() + ANSWER;
  }

  private String pause() {
    return settlement.pause().isPresent() ? PAUSE : "";
  }

  void bindWithIssue(Database.Binding bind) throws SQLException {
    bindEnded(bind);
    bindPause(bind);
  }

  void bindWithRefusal(Database.Binding bind, String cause, Duration retryIn) throws SQLException {
    bindEnded(bind);
    bind.text(cause).seconds(retryIn);
    bindPause(bind);
  }

  private void bindEnded(Database.Binding bind) throws SQLException {
    bind.text(settlement.outcome().word())
        .number(settlement.exitCode())
        .number(settlement.signal())
        .text(settlement.error())
        .text(settlement.outputTail())
        .uuid(claim.runId())
        .text(Long.toString(lockLimit.toMillis()))
        .flag(rescue)
        .uuid(claim.instance())
        .flag(settlement.status() == IssueStatus.COMPLETED)
        .text(settlement.status().word())
        .flag(settlement.counted())
        .flag(rescue)
        .seconds(settlement.backoff());
  }

  private void bindPause(Database.Binding bind) throws SQLException {
    if (settlement.pause().isEmpty()) {
      return;
    }
    PauseRepository.bind(bind, settlement.pause().get());
  }

  AttemptEnd inAscii() {
    return new AttemptEnd(claim, settlement.inAscii(), rescue, lockLimit);
  }

  /**
   * Whether to keep what the issue refuses. If somebody holds the row, a rescue is tried again
   * instead.
   */
  boolean mayBeKept(StoreException failure) {
    return !failure.ofConnection() && !(rescue && failure.kind() == StoreException.Kind.BUSY);
  }
}
