package com.cape.worker.store;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.WorkerId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** Every statement about issues and their attempts. Safe for use by several threads. */
public final class IssueRepository {
  private static final String UNIQUE_VIOLATION = "23505";
  // The server's encoding has no such character, or takes the bytes for none.
  private static final Set<String> NO_SUCH_CHARACTER = Set.of("22P05", "22021");
  private static final int MOST_COLLISIONS = 10;
  private static final double LONGEST_WAIT_MILLIS = Duration.ofDays(1).toMillis();

  private final Database database;

  public IssueRepository(Database database) {
    this.database = requireNonNull(database);
  }

  // One statement for both, so that an idle worker asks once a poll; what comes after the claim is
  // evaluated only when there was none. A fence above every attempt's keeps "never used twice" even
  // where the column was edited, or the issue deleted and inserted again under its id; one that
  // cannot grow any more is passed over.
  private static final String CLAIM =
      """
      WITH pause AS MATERIALIZED (
        SELECT coalesce(extract(epoch FROM nullif(paused_until, 'infinity') - now())::float8, 'infinity') AS left_s,
               reason
          FROM cape_pauses
         WHERE scope IN ('*', ?) AND coalesce(paused_until > now(), true)
         ORDER BY left_s DESC
         LIMIT 1
      ), next AS MATERIALIZED (
        SELECT id, cancel_requested_at IS NOT NULL AS cancelled FROM cape_issues i
         WHERE status = 'pending' AND run_after <= now()
           AND NOT EXISTS (SELECT FROM cape_issue_attempts a
                            WHERE a.issue_id = i.id AND a.outcome = 'running')
           AND NOT EXISTS (SELECT FROM pause)
           AND greatest(i.fence, (SELECT max(a.fence) FROM cape_issue_attempts a WHERE a.issue_id = i.id))
               < CASE pg_typeof(i.fence) WHEN 'integer'::regtype THEN 2147483647 ELSE 9223372036854775807 END
         ORDER BY priority DESC, run_after, id
         LIMIT 1
           FOR UPDATE SKIP LOCKED
      ), cancelled AS (
        UPDATE cape_issues i SET status = 'cancelled', updated_at = now(), completed_at = NULL
          FROM next
         WHERE i.id = next.id AND next.cancelled
        RETURNING i.id
      ), claimed AS (
        UPDATE cape_issues i
           SET status = 'started', assigned_worker_id = ?, attempts = least(i.attempts, 2147483646) + 1,
               fence = 1 + greatest(i.fence, (SELECT coalesce(max(a.fence), 0)
                                                FROM cape_issue_attempts a WHERE a.issue_id = i.id)),
               started_at = now(), updated_at = now(), completed_at = NULL
          FROM next
         WHERE i.id = next.id AND NOT next.cancelled
        RETURNING i.id, i.attempts, i.fence, i.description, i.last_error
      ), attempt AS (
        INSERT INTO cape_issue_attempts
               (issue_id, attempt, fence, run_id, worker_id, instance, host, pid, log_file, lease_expires_at)
        SELECT id, attempts, fence, ?, ?, ?, ?, ?,
               ? || '/' || id || '/attempt-' || attempts || '-' || fence || '.log',
               now() + make_interval(secs => ?)
          FROM claimed
        RETURNING run_id
      )
      SELECT id, attempts, fence, description, last_error, run_id,
             NULL::float8 AS left_s, NULL AS reason, NULL::bigint[] AS due_ids, NULL::float8[] AS due_s
        FROM claimed, attempt
       UNION ALL
      SELECT id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM cancelled
       UNION ALL
      SELECT NULL, NULL, NULL, NULL, NULL, NULL, pause.left_s, pause.reason, due.ids, due.waits
        FROM (SELECT array_agg(id::bigint) AS ids, array_agg(extract(epoch FROM run_after - now())::float8) AS waits
                FROM (SELECT id, run_after FROM cape_issues
                       WHERE status = 'pending' AND run_after > now() AND run_after < 'infinity'
                       ORDER BY run_after, id
                       LIMIT 32) AS coming) AS due
        LEFT JOIN pause ON true
       WHERE NOT EXISTS (SELECT FROM next)
      """;

  /**
   * Claims the issue that has been due longest and starts its lease; says why when nothing is due,
   * or a pause holds. A due issue that is to be cancelled becomes so on the way.
   *
   * @param issueLogs the folder of the attempts' log files
   */
  public Look look(WorkerIdentity worker, String issueLogs, Duration lease) {
    int collisions = 0;
    while (true) {
      try {
        Optional<Look> look = lookOrCancel(worker, issueLogs, lease);
        if (look.isPresent()) {
          return look.get();
        }
      } catch (StoreException e) {
        // Somebody's edit made a running issue pending between the look and the claim; the next
        // look sees that it is running.
        if (!e.sqlState().equals(UNIQUE_VIOLATION)) {
          throw e;
        }
        if (++collisions == MOST_COLLISIONS) {
          return new Look(Optional.empty(), Idle.UNKNOWN);
        }
      }
    }
  }

  /** The claim of a {@link #look}; empty when there was none. */
  public Optional<Claim> claimNext(WorkerIdentity worker, String issueLogs, Duration lease) {
    return look(worker, issueLogs, lease).claim();
  }

  /** One look; empty when it cancelled an issue instead. */
  private Optional<Look> lookOrCancel(WorkerIdentity worker, String issueLogs, Duration lease) {
    String id = worker.id().value();
    return database
        .queryOne(
            CLAIM,
            bind ->
                bind.text(id)
                    .text(id)
                    .uuid(UUID.randomUUID())
                    .text(id)
                    .uuid(worker.instance())
                    .text(worker.host())
                    .number(worker.pid())
                    .text(issueLogs)
                    .seconds(lease),
            IssueRepository::toLook)
        .orElseThrow();
  }

  private static Optional<Look> toLook(ResultSet row) throws SQLException {
    if (row.getObject("run_id") != null) {
      return Optional.of(new Look(Optional.of(toClaim(row)), Idle.UNKNOWN));
    }
    if (row.getObject("id") != null) {
      return Optional.empty();
    }
    return Optional.of(new Look(Optional.empty(), toIdle(row)));
  }

  private static Claim toClaim(ResultSet row) throws SQLException {
    return new Claim(
        row.getLong("id"),
        row.getInt("attempts"),
        row.getLong("fence"),
        row.getObject("run_id", UUID.class),
        row.getString("description"),
        Optional.ofNullable(row.getString("last_error")));
  }

  private static Idle toIdle(ResultSet row) throws SQLException {
    double left = row.getDouble("left_s");
    Optional<Duration> pausedFor = row.wasNull() ? Optional.empty() : Optional.of(wait(left));
    List<Idle.Due> dues = new ArrayList<>();
    if (row.getArray("due_ids") != null) {
      Long[] ids = (Long[]) row.getArray("due_ids").getArray();
      Double[] waits = (Double[]) row.getArray("due_s").getArray();
      for (int i = 0; i < ids.length; i++) {
        dues.add(new Idle.Due(ids[i], wait(waits[i])));
      }
    }
    return new Idle(pausedFor, Optional.ofNullable(row.getString("reason")).orElse(""), dues);
  }

  /** Not a moment too short, else whoever waits looks twice. */
  private static Duration wait(double seconds) {
    return Duration.ofMillis((long) Math.min(Math.ceil(seconds * 1000), LONGEST_WAIT_MILLIS));
  }

  // A fence never goes back: a row with a lower one is another issue under the id of a deleted one.
  private static final String EXTEND =
      """
      WITH held AS (
        UPDATE cape_issue_attempts SET lease_expires_at = now() + make_interval(secs => ?)
         WHERE run_id = ANY (?) AND outcome = 'running'
        RETURNING run_id, issue_id, fence
      )
      SELECT held.run_id, i.cancel_requested_at IS NOT NULL AS cancelled, i.id IS NULL AS deleted
        FROM held LEFT JOIN cape_issues i ON i.id = held.issue_id AND i.fence >= held.fence
      """;

  /** Extends the leases of the runs; answers the ones that still have one. */
  public List<HeldLease> extendLeases(List<UUID> runIds, Duration lease) {
    return database.query(
        EXTEND,
        bind -> bind.seconds(lease).uuids(runIds),
        row ->
            new HeldLease(
                row.getObject("run_id", UUID.class),
                row.getBoolean("cancelled"),
                row.getBoolean("deleted")));
  }

  // The issue's row is locked before it is judged: a cancel or an edit that commits meanwhile
  // counts.
  private static final String SETTLE =
      """
      WITH ended AS (
        UPDATE cape_issue_attempts
           SET outcome = ?, finished_at = now(), exit_code = ?, signal = ?, error = ?, output_tail = ?
         WHERE run_id = ?
           AND (outcome = 'running'
                OR outcome = 'lost' AND ? = 'completed'
                   AND EXISTS (SELECT FROM cape_issues i
                                WHERE i.id = cape_issue_attempts.issue_id
                                  AND i.fence = cape_issue_attempts.fence))
        RETURNING issue_id, fence, error, worker_id, started_at
      ), wanted AS (
        SELECT i.id, ended.error, ended.worker_id, ended.started_at,
               CASE WHEN ? = 'pending' AND i.cancel_requested_at IS NOT NULL THEN 'cancelled'
                    ELSE ? END AS status
          FROM cape_issues i JOIN ended ON i.id = ended.issue_id AND i.fence = ended.fence
           FOR UPDATE OF i
      ), settled AS (
        UPDATE cape_issues i
           SET status = wanted.status,
               updated_at = now(),
               completed_at = CASE WHEN wanted.status = 'completed' THEN now() END,
               assigned_worker_id = CASE WHEN wanted.status <> 'pending'
                                         THEN coalesce(i.assigned_worker_id, wanted.worker_id) END,
               started_at = CASE WHEN wanted.status <> 'pending'
                                 THEN coalesce(i.started_at, wanted.started_at) END,
               cancel_requested_at = CASE WHEN wanted.status = 'cancelled' THEN i.cancel_requested_at END,
               attempts = CASE WHEN ? OR wanted.status = 'cancelled' THEN i.attempts
                               ELSE greatest(i.attempts - 1, 0) END,
               run_after = CASE WHEN wanted.status = 'pending'
                                THEN coalesce(now() + make_interval(secs => nullif(?, -1)), i.run_after)
                                ELSE i.run_after END,
               last_error = wanted.error
          FROM wanted
         WHERE i.id = wanted.id
        RETURNING i.id, wanted.status
      ), paused AS (
        INSERT INTO cape_pauses AS p (scope, paused_until, reason)
        SELECT '*', now() + make_interval(secs => pause.seconds), split_part(ended.error, E'\\n', 1)
          FROM ended, (VALUES (?)) AS pause (seconds)
         WHERE pause.seconds > 0
        ON CONFLICT (scope) DO UPDATE
           SET paused_until = excluded.paused_until, reason = excluded.reason, created_at = now()
         WHERE p.paused_until < excluded.paused_until
      )
      SELECT settled.status FROM ended LEFT JOIN settled ON settled.id = ended.issue_id
      """;

  /**
   * Writes how the attempt ended, and settles the issue as long as its fence is the claim's. Empty
   * when the lease was lost: nothing changed. Paid work counts: a completed attempt is taken after
   * a rescue, too, as long as the issue was not claimed again. A database that lacks characters of
   * the texts gets them in ASCII.
   */
  public Optional<Settled> settle(Claim claim, Settlement settlement) {
    try {
      return write(claim, settlement);
    } catch (StoreException e) {
      if (!NO_SUCH_CHARACTER.contains(e.sqlState())) {
        throw e;
      }
      return write(claim, settlement.inAscii());
    }
  }

  private Optional<Settled> write(Claim claim, Settlement settlement) {
    Duration none = Duration.ofSeconds(-1);
    String status = settlement.status().word();
    return database.queryOne(
        SETTLE,
        bind ->
            bind.text(settlement.outcome().word())
                .number(settlement.exitCode())
                .number(settlement.signal())
                .text(settlement.error())
                .text(settlement.outputTail())
                .uuid(claim.runId())
                .text(status)
                .text(status)
                .text(status)
                .flag(settlement.counted())
                .seconds(settlement.backoff().orElse(none))
                .seconds(settlement.fleetPause().orElse(Duration.ZERO)),
        row -> new Settled(Optional.ofNullable(row.getString("status")).map(IssueStatus::ofWord)));
  }

  private static final String HELD =
      """
      SELECT issue_id AS id, attempt AS attempts, fence, run_id, '' AS description, NULL AS last_error
        FROM cape_issue_attempts
       WHERE outcome = 'running' AND worker_id = ? AND instance = ?
      """;

  /** What an instance of a worker has claimed and not settled; without the descriptions. */
  public List<Claim> heldBy(WorkerId worker, UUID instance) {
    return database.query(
        HELD, bind -> bind.text(worker.value()).uuid(instance), IssueRepository::toClaim);
  }

  private static final String RUNNING =
      "SELECT run_id FROM cape_issue_attempts WHERE run_id = ? AND outcome = 'running'";

  /** Whether nobody has settled or rescued the run yet. */
  public boolean running(UUID runId) {
    return database.queryOne(RUNNING, bind -> bind.uuid(runId), row -> runId).isPresent();
  }

  private static final String THROTTLED =
      """
      SELECT count(*) AS throttled FROM cape_issue_attempts t
       WHERE t.issue_id = ? AND t.outcome = 'throttled'
         AND NOT EXISTS (SELECT FROM cape_issue_attempts o
                          WHERE o.issue_id = t.issue_id AND o.fence > t.fence
                            AND o.outcome NOT IN ('throttled', 'running'))
      """;

  /** How many of the issue's last ended attempts in a row were throttled. */
  public int throttledInARow(long issueId) {
    return database
        .queryOne(THROTTLED, bind -> bind.number(issueId), row -> row.getInt("throttled"))
        .orElseThrow();
  }
}
