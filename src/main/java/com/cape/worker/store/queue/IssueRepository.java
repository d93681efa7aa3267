package com.cape.worker.store.queue;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
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
  // The server's encoding has no such character, or takes the bytes for none.
  private static final Set<String> NO_SUCH_CHARACTER = Set.of("22P05", "22021");
  private static final Duration NO_BACKOFF = Duration.ofSeconds(-1);
  private static final double LONGEST_WAIT_MILLIS = Duration.ofDays(1).toMillis();

  private final Database database;
  private final String claimStatement;

  public IssueRepository(Database database) {
    this(database, CLAIM);
  }

  private IssueRepository(Database database, String claimStatement) {
    this.database = requireNonNull(database);
    this.claimStatement = claimStatement;
  }

  /** One whose claims tell how long their issue has been due, and take a little longer for it. */
  public static IssueRepository measuring(Database database) {
    return new IssueRepository(database, MEASURED_CLAIM);
  }

  // One statement for both, so that an idle worker asks once a poll.
  private static final String CLAIM =
      "SELECT *, 0::float8 AS waited_s FROM cape_claim_next(?, ?, ?, ?, ?, ?, ?)";

  // A claim leaves run_after as it is. What came into being during the claim is not seen outside of
  // it: that has not waited.
  private static final String MEASURED_CLAIM =
      """
      SELECT c.*, (SELECT extract(epoch FROM now() - i.run_after)::float8 FROM cape_issues i
                    WHERE i.id = c.id AND isfinite(i.run_after)) AS waited_s
        FROM cape_claim_next(?, ?, ?, ?, ?, ?, ?) AS c
      """;

  /**
   * Claims the issue that has been due longest and starts its lease; says why when nothing is due,
   * or a pause holds. A due issue that is to be cancelled becomes so on the way.
   *
   * @param issueLogs the folder of the attempts' log files
   */
  public ClaimResult claim(UUID runId, WorkerIdentity worker, String issueLogs, Duration lease) {
    Optional<ClaimResult> result;
    do {
      result = claimOrCancel(runId, worker, issueLogs, lease);
    } while (result.isEmpty());
    return result.get();
  }

  /** The issue of a {@link #claim} under a new run id; empty when there was none. */
  public Optional<Claim> claimNext(WorkerIdentity worker, String issueLogs, Duration lease) {
    return claim(UUID.randomUUID(), worker, issueLogs, lease).claim();
  }

  /** One try; empty when it cancelled an issue instead. */
  private Optional<ClaimResult> claimOrCancel(
      UUID runId, WorkerIdentity worker, String issueLogs, Duration lease) {
    return database
        .queryOne(
            claimStatement,
            bind -> bindClaim(bind, runId, worker, issueLogs, lease),
            IssueRepository::toClaimResult)
        .orElseThrow();
  }

  private static final String FIND_CLAIM =
      """
      WITH found AS (
        UPDATE cape_issue_attempts SET lease_expires_at = now() + make_interval(secs => ?)
         WHERE run_id = ? AND outcome = 'running'
        RETURNING run_id, issue_id, attempt, fence
      )
      SELECT i.id, found.attempt AS attempts, found.fence, found.run_id, i.description, i.last_error
        FROM found JOIN cape_issues i ON i.id = found.issue_id
      """;

  /**
   * The claim that was asked for under this run id, should its answer have been lost: its lease is
   * extended. Empty when there was no such claim.
   */
  public Optional<Claim> findClaim(UUID runId, Duration lease) {
    return database.queryOne(
        FIND_CLAIM, bind -> bind.seconds(lease).uuid(runId), IssueRepository::toClaim);
  }

  private static void bindClaim(
      Database.Binding bind, UUID runId, WorkerIdentity worker, String issueLogs, Duration lease)
      throws SQLException {
    bind.uuid(runId)
        .text(worker.id().value())
        .uuid(worker.instance())
        .text(worker.host())
        .number(worker.pid())
        .text(issueLogs)
        .seconds(lease);
  }

  private static Optional<ClaimResult> toClaimResult(ResultSet row) throws SQLException {
    if (row.getObject("run_id") != null) {
      return Optional.of(
          new ClaimResult(Optional.of(toClaim(row)), NoClaimReason.UNKNOWN, toWaited(row)));
    }
    if (row.getObject("id") != null) {
      return Optional.empty();
    }
    return Optional.of(new ClaimResult(Optional.empty(), toIdle(row), Duration.ZERO));
  }

  private static Duration toWaited(ResultSet row) throws SQLException {
    return Duration.ofMillis(Math.round(row.getDouble("waited_s") * 1000));
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

  private static NoClaimReason toIdle(ResultSet row) throws SQLException {
    double left = row.getDouble("left_s");
    Optional<Duration> pausedFor = row.wasNull() ? Optional.empty() : Optional.of(wait(left));
    List<NoClaimReason.Due> dues = new ArrayList<>();
    if (row.getArray("due_ids") != null) {
      Long[] ids = (Long[]) row.getArray("due_ids").getArray();
      Double[] waits = (Double[]) row.getArray("due_s").getArray();
      for (int i = 0; i < ids.length; i++) {
        dues.add(new NoClaimReason.Due(ids[i], wait(waits[i])));
      }
    }
    return new NoClaimReason(
        pausedFor, Optional.ofNullable(row.getString("reason")).orElse(""), dues);
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
  public List<LeaseReply> extendLeases(List<UUID> runIds, Duration lease) {
    return database.query(
        EXTEND,
        bind -> bind.seconds(lease).uuids(runIds),
        row ->
            new LeaseReply(
                row.getObject("run_id", UUID.class),
                row.getBoolean("cancelled"),
                row.getBoolean("deleted")));
  }

  private static final String SETTLE =
      "SELECT status FROM cape_settle_attempt(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

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
    return database.queryOne(
        SETTLE, bind -> settle(bind, claim, settlement), IssueRepository::toSettled);
  }

  private static void settle(Database.Binding bind, Claim claim, Settlement settlement)
      throws SQLException {
    bind.uuid(claim.runId())
        .text(settlement.outcome().word())
        .number(settlement.exitCode())
        .number(settlement.signal())
        .text(settlement.error())
        .text(settlement.outputTail())
        .text(settlement.status().word())
        .flag(settlement.counted())
        .seconds(settlement.backoff().orElse(NO_BACKOFF))
        .seconds(settlement.fleetPause().orElse(Duration.ZERO));
  }

  private static Settled toSettled(ResultSet row) throws SQLException {
    return new Settled(Optional.ofNullable(row.getString("status")).map(IssueStatus::ofWord));
  }

  /**
   * What a settle wrote, and what was found after it.
   *
   * @param settled as of {@link #settle}
   * @param claimed empty when it cancelled an issue, or when only the settle could be written
   */
  public record SettledAndClaimed(Optional<Settled> settled, Optional<ClaimResult> claimed) {}

  /** Settles, and claims the next issue in the same transaction and the same round trip. */
  public SettledAndClaimed settleAndClaim(
      Claim claim,
      Settlement settlement,
      UUID nextRunId,
      WorkerIdentity worker,
      String issueLogs,
      Duration lease) {
    try {
      return database.queryTwo(
          SETTLE + ";" + claimStatement,
          bind -> {
            settle(bind, claim, settlement);
            bindClaim(bind, nextRunId, worker, issueLogs, lease);
          },
          IssueRepository::toSettled,
          IssueRepository::toClaimResult,
          (settled, result) -> new SettledAndClaimed(settled, result.flatMap(found -> found)));
    } catch (StoreException e) {
      // Neither is written then, and the settle may well be by itself.
      if (!NO_SUCH_CHARACTER.contains(e.sqlState())) {
        throw e;
      }
      return new SettledAndClaimed(settle(claim, settlement), Optional.empty());
    }
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

  private static final String OUTCOME = "SELECT outcome FROM cape_issue_attempts WHERE run_id = ?";

  /** How the run stands; empty when somebody deleted it. */
  public Optional<Outcome> outcome(UUID runId) {
    return database.queryOne(
        OUTCOME, bind -> bind.uuid(runId), row -> Outcome.ofWord(row.getString("outcome")));
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

  public List<ExpiredLease> expiredLeases(Duration quiet) {
    return List.of();
  }

  public Optional<Settled> rescue(ExpiredLease expired, Settlement settlement) {
    return Optional.empty();
  }

  public int retryRefusals() {
    return 0;
  }
}
