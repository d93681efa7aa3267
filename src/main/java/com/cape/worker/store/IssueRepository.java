package com.cape.worker.store;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.WorkerId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
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

  // A fence above every attempt's keeps "never used twice" even where the column was edited, or the
  // issue deleted and inserted again under its id.
  private static final String CLAIM =
      """
      WITH next AS MATERIALIZED (
        SELECT id, cancel_requested_at IS NOT NULL AS cancelled FROM cape_issues i
         WHERE status = 'pending' AND run_after <= now()
           AND NOT EXISTS (SELECT FROM cape_issue_attempts a
                            WHERE a.issue_id = i.id AND a.outcome = 'running')
           AND NOT EXISTS (SELECT FROM cape_pauses p
                            WHERE p.scope IN ('*', ?) AND coalesce(p.paused_until > now(), true))
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
           SET status = 'started', assigned_worker_id = ?, attempts = i.attempts + 1,
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
      SELECT id, attempts, fence, description, last_error, run_id FROM claimed, attempt
       UNION ALL
      SELECT id, NULL, NULL, NULL, NULL, NULL FROM cancelled
      """;

  /**
   * Claims the issue that has been due longest and starts its lease; empty when nothing is due, or
   * a pause holds. A due issue that is to be cancelled becomes so on the way.
   *
   * @param issueLogs the folder of the attempts' log files
   */
  public Optional<Claim> claimNext(WorkerIdentity worker, String issueLogs, Duration lease) {
    int collisions = 0;
    while (true) {
      try {
        Optional<Optional<Claim>> next = claimOrCancel(worker, issueLogs, lease);
        if (next.isEmpty() || next.get().isPresent()) {
          return next.flatMap(claim -> claim);
        }
      } catch (StoreException e) {
        // Somebody's edit made a running issue pending between the look and the claim; the next
        // look sees that it is running.
        if (!e.sqlState().equals(UNIQUE_VIOLATION)) {
          throw e;
        }
        if (++collisions == MOST_COLLISIONS) {
          return Optional.empty();
        }
      }
    }
  }

  /** Takes the next due issue; the inner value is empty when it was to be cancelled. */
  private Optional<Optional<Claim>> claimOrCancel(
      WorkerIdentity worker, String issueLogs, Duration lease) {
    String id = worker.id().value();
    return database.queryOne(
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
        row -> row.getObject("run_id") == null ? Optional.empty() : Optional.of(toClaim(row)));
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

  private static final String IDLE =
      """
      SELECT p.left_s, p.reason,
             (SELECT extract(epoch FROM min(run_after) - now())::float8 FROM cape_issues
               WHERE status = 'pending' AND run_after > now() AND run_after < 'infinity') AS due_s
        FROM (VALUES (1)) AS one (row)
        LEFT JOIN LATERAL (
          SELECT coalesce(extract(epoch FROM nullif(paused_until, 'infinity') - now())::float8, 'infinity') AS left_s,
                 reason
            FROM cape_pauses
           WHERE scope IN ('*', ?) AND coalesce(paused_until > now(), true)
           ORDER BY left_s DESC
           LIMIT 1) p ON true
      """;

  /** Why there was nothing to claim, and until when; to be asked after an empty claim. */
  public Idle idle(WorkerIdentity worker) {
    return database
        .queryOne(
            IDLE,
            bind -> bind.text(worker.id().value()),
            row ->
                new Idle(
                    wait(row, "left_s"),
                    Optional.ofNullable(row.getString("reason")).orElse(""),
                    wait(row, "due_s")))
        .orElseThrow();
  }

  private static Optional<Duration> wait(ResultSet row, String column) throws SQLException {
    double seconds = row.getDouble(column);
    return row.wasNull()
        ? Optional.empty()
        : Optional.of(Duration.ofMillis((long) Math.min(seconds * 1000, LONGEST_WAIT_MILLIS)));
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
