package com.cape.worker.store.queue;

import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.UUID;

/**
 * The end of an attempt as it is written.
 *
 * @param rescue whether the lease has to have run out, and the issue to be still started
 * @param lockLimit for how long the issue's row may be locked by others
 */
record AttemptEnd(UUID runId, Settlement settlement, boolean rescue, Duration lockLimit) {
  // The lock limit of the transaction is set before anything is locked. A completed attempt is
  // taken after a rescue,
  // too, as long as the issue was not claimed again.
  private static final String ENDED =
      """
      WITH given AS MATERIALIZED (
        SELECT set_config('lock_timeout', ?::text, true) AS lock_limit, ?::uuid AS run_id, ?::boolean AS rescue,
               ?::text AS outcome, ?::integer AS exit_code, ?::integer AS signal, ?::text AS error,
               ?::text AS output_tail, ?::text AS status, ?::boolean AS counted,
               now() + make_interval(secs => ?::float8) AS run_after, ?::float8 AS pause_s
      ), ended AS (
        UPDATE cape_issue_attempts a
           SET outcome = given.outcome, finished_at = now(), exit_code = given.exit_code, signal = given.signal,
               error = given.error, output_tail = given.output_tail
          FROM given
         WHERE a.run_id = given.run_id
           AND CASE WHEN given.rescue THEN a.outcome = 'running' AND a.lease_expires_at < now()
                    WHEN a.outcome = 'lost' THEN given.status = 'completed'
                         AND EXISTS (SELECT FROM cape_issues i WHERE i.id = a.issue_id AND i.fence = a.fence)
                    ELSE a.outcome = 'running' END
        RETURNING a.issue_id, a.fence, a.worker_id, a.started_at, given.rescue, given.status, given.counted,
                  given.run_after, given.error AS last_error
      )
      """;

  // A cancel or an edit that commits while this waits for the row counts.
  private static final String ISSUE =
      """
      , written AS (
        UPDATE cape_issues i
           SET (status, updated_at, completed_at, assigned_worker_id, started_at, cancel_requested_at, attempts,
                run_after, last_error) = (
                 SELECT becomes, now(), CASE WHEN becomes = 'completed' THEN now() END,
                        CASE WHEN becomes <> 'pending' THEN coalesce(i.assigned_worker_id, ended.worker_id) END,
                        CASE WHEN becomes <> 'pending' THEN coalesce(i.started_at, ended.started_at) END,
                        CASE WHEN becomes = 'cancelled' THEN i.cancel_requested_at END,
                        CASE WHEN ended.counted OR becomes = 'cancelled' THEN i.attempts
                             ELSE greatest(i.attempts - 1, 0) END,
                        CASE WHEN becomes = 'pending' THEN coalesce(ended.run_after, i.run_after) ELSE i.run_after END,
                        ended.last_error
                   FROM (SELECT CASE WHEN i.cancel_requested_at IS NOT NULL
                                      AND (ended.status = 'pending' OR ended.rescue) THEN 'cancelled'
                                     ELSE ended.status END AS becomes) AS judged)
          FROM ended
         WHERE i.id = ended.issue_id AND i.fence = ended.fence
           AND (NOT ended.rescue OR i.status::text = 'started')
        RETURNING i.status::text AS status
      )
      """;

  // In the place of the issue.
  private static final String REFUSAL =
      """
      , refused AS (
        INSERT INTO cape_refusals (issue_id, fence, status, counted, rescue, run_after, last_error, error, retry_at)
        SELECT issue_id, fence, status, counted, rescue, run_after, last_error, ?::text,
               now() + make_interval(secs => ?::float8)
          FROM ended
        ON CONFLICT (issue_id) DO UPDATE
           SET (fence, status, counted, rescue, run_after, last_error, error, refused_at, retry_at, tries) =
               (excluded.fence, excluded.status, excluded.counted, excluded.rescue, excluded.run_after,
                excluded.last_error, excluded.error, now(), excluded.retry_at, 1)
      )
      """;

  private static final String FLEET_PAUSE =
      """
      , paused AS (
        INSERT INTO cape_pauses AS p (scope, paused_until, reason)
        SELECT '*', now() + make_interval(secs => given.pause_s), split_part(given.error, E'\\n', 1)
          FROM ended, given
         WHERE given.pause_s > 0::float8
        ON CONFLICT (scope) DO UPDATE
           SET paused_until = excluded.paused_until, reason = excluded.reason, created_at = now()
         WHERE p.paused_until < excluded.paused_until
      )
      """;

  /** Ends the attempt, and writes its issue while the issue's fence is the attempt's. */
  static final String WITH_ISSUE =
      ENDED + ISSUE + FLEET_PAUSE + "SELECT (SELECT status FROM written) AS status FROM ended";

  /** Ends the attempt, and keeps what the issue refuses. */
  static final String WITH_REFUSAL =
      ENDED + REFUSAL + FLEET_PAUSE + "SELECT NULL AS status FROM ended";

  /** Writes into the issue what was kept, and forgets it. */
  static final String LATE_ISSUE =
      """
      WITH given AS MATERIALIZED (SELECT set_config('lock_timeout', ?::text, true) AS lock_limit
      ), ended AS (
        DELETE FROM cape_refusals r
         USING given, cape_issue_attempts a
         WHERE r.issue_id = ? AND r.fence = ? AND r.status <> 'started'
           AND a.issue_id = r.issue_id AND a.fence = r.fence
        RETURNING r.issue_id, r.fence, a.worker_id, a.started_at, r.rescue, r.status, r.counted, r.run_after,
                  r.last_error
      )
      """
          + ISSUE
          + "SELECT status FROM written";

  void bind(Database.Binding bind) throws SQLException {
    bind.text(Long.toString(lockLimit.toMillis()))
        .uuid(runId)
        .flag(rescue)
        .text(settlement.outcome().word())
        .number(settlement.exitCode())
        .number(settlement.signal())
        .text(settlement.error())
        .text(settlement.outputTail())
        .text(settlement.status().word())
        .flag(settlement.counted())
        .seconds(settlement.backoff())
        .seconds(settlement.fleetPause());
  }

  AttemptEnd inAscii() {
    return new AttemptEnd(runId, settlement.inAscii(), rescue, lockLimit);
  }

  /** Whether the issue, or somebody who holds it, stands in the way of the whole. */
  boolean mayBeKept(StoreException failure) {
    boolean held = rescue && failure.kind() == StoreException.Kind.BUSY;
    return !held && !failure.ofConnection();
  }
}
