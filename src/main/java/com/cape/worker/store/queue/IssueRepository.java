package com.cape.worker.store.queue;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Columns;
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
  private static final int DESCRIPTION_LIMIT_BYTES = 8 * 1024 * 1024;
  // The encodings of the server and of its clients have no such character, or the bytes are none.
  private static final Set<String> NO_SUCH_CHARACTER = Set.of("22P05", "22021");
  private static final Duration SETTLE_LOCK_LIMIT = Duration.ofSeconds(2);
  private static final Duration RESCUE_LOCK_LIMIT = Duration.ofMillis(500);
  private static final double LONGEST_WAIT_MILLIS = Duration.ofDays(1).toMillis();
  private static final ClaimResult NOTHING =
      new ClaimResult(Optional.empty(), NoClaimReason.UNKNOWN, Duration.ZERO);

  private static final String PASSED_OVER =
      "an update changes nothing: a trigger or a row policy passes it over";
  private static final Settlement GIVEN_BACK =
      new Settlement(
          Outcome.NOT_STARTED,
          IssueStatus.PENDING,
          Optional.empty(),
          false,
          Optional.empty(),
          Optional.empty(),
          Optional.of("the issue was changed while the answer to its claim was lost"),
          "",
          Optional.empty());

  private final Database database;
  private final Refusals refusals;

  public IssueRepository(Database database) {
    this.database = requireNonNull(database);
    this.refusals = new Refusals(database);
  }

  // An issue that is to be cancelled becomes so; one that cannot be run fails. The fence is above
  // that of every attempt:
  // never used twice, even where the column was edited, or the id belongs to another issue by now.
  // Without a tried_id the
  // row says what falls due next. Types that another cape_issues may have are cast: PostgreSQL
  // prefers an operator that
  // somebody made for exactly such a type to its own.
  static final String CLAIM =
      """
      WITH given AS (
        SELECT ?::uuid AS run_id, ?::text AS worker, ?::uuid AS instance, ?::text AS host, ?::bigint AS pid,
               ?::text AS logs, now() + make_interval(secs => ?::float8) AS lease_expires_at, ?::text AS unfit,
               ?::uuid AS failed_run_id
      ), pause AS (
        SELECT true AS holds, paused_until, reason FROM cape_pauses, given
         WHERE scope::text IN ('*', worker) AND coalesce(paused_until > now(), true)
         ORDER BY paused_until DESC NULLS FIRST LIMIT 1
      ), next AS MATERIALIZED (
        SELECT due.id FROM cape_due_issues due
         WHERE NOT EXISTS (SELECT FROM pause) AND true
         ORDER BY due.priority DESC, due.run_after, due.id LIMIT 1 FOR UPDATE SKIP LOCKED
      ), claimed AS (
        UPDATE cape_issues i
           SET updated_at = now(), completed_at = NULL,
               (status, attempts, fence, assigned_worker_id, started_at, last_error) = (
                 SELECT CASE WHEN cancelled THEN 'cancelled' WHEN unfit IS NULL THEN 'started' ELSE 'failed' END,
                        CASE WHEN cancelled THEN i.attempts ELSE least(greatest(i.attempts, 0), 2147483646) + 1 END,
                        CASE WHEN cancelled THEN i.fence
                             ELSE 1 + greatest(i.fence, 0, (SELECT max(a.fence) FROM cape_issue_attempts a
                                                             WHERE a.issue_id = i.id)) END,
                        CASE WHEN cancelled THEN i.assigned_worker_id::text ELSE worker END,
                        CASE WHEN cancelled THEN i.started_at ELSE now() END,
                        CASE WHEN cancelled THEN i.last_error ELSE coalesce(unfit, i.last_error) END
                   FROM (SELECT i.cancel_requested_at IS NOT NULL AS cancelled, worker,
                                CASE WHEN given.unfit IS NOT NULL THEN given.unfit
                                     WHEN i.description IS NULL THEN 'the issue has no description'
                                     WHEN octet_length(i.description::text) > %d
                                     THEN 'the description is ' || (octet_length(i.description::text) / 1000000)::text
                                          || ' MB; at most 8 MiB can be run' END AS unfit
                           FROM given) AS judged)
          FROM next WHERE i.id = next.id
        RETURNING i.id, i.status::text AS status, i.attempts, i.fence, i.last_error,
                  CASE WHEN i.status::text NOT IN ('failed', 'cancelled') THEN i.description::text END AS description,
                  CASE WHEN isfinite(i.run_after) THEN extract(epoch FROM now() - i.run_after)::float8 END AS waited_s
      ), begun AS (
        INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid,
                                         lease_expires_at, log_file, outcome, finished_at, error)
        SELECT id, attempts, fence, CASE WHEN status = 'failed' THEN failed_run_id ELSE run_id END, worker, instance,
               host, pid, lease_expires_at,
               logs || '/' || id::text || '/attempt-' || attempts::text || '-' || fence::text || '.log',
               CASE WHEN status = 'failed' THEN 'failed' ELSE 'running' END,
               CASE WHEN status = 'failed' THEN now() END, CASE WHEN status = 'failed' THEN last_error END
          FROM claimed, given WHERE status <> 'cancelled'
      ), coming AS (
        SELECT i.id, i.run_after FROM cape_issues i
         WHERE i.status::text = 'pending' AND i.run_after > now() AND i.run_after < 'infinity'
         ORDER BY i.run_after, i.id LIMIT 32
      )
      SELECT next.id AS tried_id, claimed.id, claimed.status, claimed.attempts, claimed.fence, given.run_id,
             claimed.description, left(claimed.last_error, 8192) AS last_error, claimed.waited_s, pause.reason,
             CASE WHEN holds THEN coalesce(extract(epoch FROM nullif(paused_until, 'infinity') - now())::float8, 'infinity')
             END AS left_s,
             CASE WHEN next.id IS NULL THEN ARRAY(SELECT id::bigint FROM coming) END AS due_ids,
             CASE WHEN next.id IS NULL
                  THEN ARRAY(SELECT extract(epoch FROM run_after - now())::float8 FROM coming) END AS due_s
        FROM given LEFT JOIN pause ON true LEFT JOIN next ON true LEFT JOIN claimed ON true
      """
          .formatted(DESCRIPTION_LIMIT_BYTES);

  /**
   * Claims the issue that has been due longest and starts its lease; says why when nothing is due,
   * or a pause holds.
   *
   * @param issueLogs the folder of the attempts' log files
   */
  public ClaimResult claim(UUID runId, WorkerIdentity worker, String issueLogs, Duration lease) {
    var request = new ClaimRequest(runId, worker, issueLogs, lease);
    Optional<ClaimResult> result;
    do {
      result = claimOrClose(request);
    } while (result.isEmpty());
    return result.get();
  }

  /** The issue of a {@link #claim} under a new run id; empty when there was none. */
  public Optional<Claim> claimNext(WorkerIdentity worker, String issueLogs, Duration lease) {
    return claim(UUID.randomUUID(), worker, issueLogs, lease).claim();
  }

  /** One try; empty when it closed an issue instead: cancelled it, failed it, or set it aside. */
  private Optional<ClaimResult> claimOrClose(ClaimRequest request) {
    try {
      Tried tried = ask(CLAIM, request::bind);
      return tried.step() == Step.PASSED_OVER ? claimOneByOne(request) : tried.result();
    } catch (StoreException e) {
      if (e.ofConnection()) {
        throw e;
      }
      return claimOneByOne(request);
    }
  }

  private static final String CLAIM_ONE = CLAIM.replace("AND true", "AND due.id = ?::bigint");
  private static final long NO_ISSUE = Long.MIN_VALUE;

  private static final String CANDIDATES =
      """
      SELECT due.id FROM cape_due_issues due
       ORDER BY due.priority DESC, due.run_after, due.id LIMIT 100 FOR UPDATE SKIP LOCKED
      """;

  /** After a claim has failed: finds the issues that refuse it, and sets them aside. */
  private Optional<ClaimResult> claimOneByOne(ClaimRequest request) {
    // Throws where it is the statement that is refused, and no issue.
    claimThis(request, NO_ISSUE);
    boolean anyClosed = false;
    for (long id : database.query(CANDIDATES, bind -> {}, row -> row.getLong("id"))) {
      Tried tried = claimOrSetAside(request, id);
      if (tried.step() == Step.CLAIMED) {
        return tried.result();
      }
      anyClosed |= tried.step() == Step.CLOSED;
    }
    return anyClosed ? Optional.empty() : Optional.of(NOTHING);
  }

  private Tried claimOrSetAside(ClaimRequest request, long id) {
    try {
      Tried tried = claimThis(request, id);
      return tried.step() == Step.PASSED_OVER ? setAside(id, PASSED_OVER) : tried;
    } catch (StoreException e) {
      if (e.ofConnection()) {
        throw e;
      }
      if (NO_SUCH_CHARACTER.contains(e.sqlState()) && request.unfit().isEmpty()) {
        return claimOrSetAside(request.toFail("its text cannot be read: " + e.getMessage()), id);
      }
      return setAside(id, e.getMessage());
    }
  }

  private Tried setAside(long id, String cause) {
    return refusals.setAside(id, cause) ? Tried.CLOSED : Tried.UNTOUCHED;
  }

  private Tried claimThis(ClaimRequest request, long id) {
    return ask(
        CLAIM_ONE,
        bind -> {
          request.bind(bind);
          bind.number(id);
        });
  }

  private Tried ask(String claim, Database.Binder binder) {
    return database.queryOne(claim, binder, IssueRepository::toTried).orElseThrow();
  }

  private enum Step {
    CLAIMED,
    NOTHING_DUE,
    CLOSED,
    PASSED_OVER
  }

  /** What a claim did; only one that claimed, or found nothing due, has a result. */
  private record Tried(Step step, Optional<ClaimResult> result) {
    private static final Tried CLOSED = new Tried(Step.CLOSED, Optional.empty());
    private static final Tried UNTOUCHED = new Tried(Step.PASSED_OVER, Optional.empty());
  }

  private static Tried toTried(ResultSet row) throws SQLException {
    if (row.getObject("tried_id") == null) {
      return new Tried(
          Step.NOTHING_DUE,
          Optional.of(new ClaimResult(Optional.empty(), toIdle(row), Duration.ZERO)));
    }
    if (row.getObject("id") == null) {
      return Tried.UNTOUCHED;
    }
    if (Set.of("failed", "cancelled").contains(row.getString("status"))) {
      return Tried.CLOSED;
    }
    Duration waited = Duration.ofMillis(Math.round(row.getDouble("waited_s") * 1000));
    return new Tried(
        Step.CLAIMED,
        Optional.of(new ClaimResult(Optional.of(toClaim(row)), NoClaimReason.UNKNOWN, waited)));
  }

  private static Claim toClaim(ResultSet row) throws SQLException {
    return new Claim(
        row.getLong("id"),
        row.getInt("attempts"),
        row.getLong("fence"),
        row.getObject("run_id", UUID.class),
        row.getString("description"),
        Columns.textIfAny(row, "last_error"));
  }

  private static NoClaimReason toIdle(ResultSet row) throws SQLException {
    double left = row.getDouble("left_s");
    Optional<Duration> pausedFor = row.wasNull() ? Optional.empty() : Optional.of(wait(left));
    Long[] ids = (Long[]) row.getArray("due_ids").getArray();
    Double[] waits = (Double[]) row.getArray("due_s").getArray();
    List<NoClaimReason.Due> dues = new ArrayList<>();
    for (int i = 0; i < ids.length; i++) {
      dues.add(new NoClaimReason.Due(ids[i], wait(waits[i])));
    }
    return new NoClaimReason(pausedFor, Columns.textIfAny(row, "reason").orElse(""), dues);
  }

  /** Not a moment too short, else whoever waits looks twice. */
  private static Duration wait(double seconds) {
    return Duration.ofMillis((long) Math.min(Math.ceil(seconds * 1000), LONGEST_WAIT_MILLIS));
  }

  private static final String FIND_CLAIM =
      """
      WITH found AS (
        UPDATE cape_issue_attempts SET lease_expires_at = now() + make_interval(secs => ?::float8)
         WHERE run_id = ? AND outcome = 'running'
        RETURNING run_id, issue_id, attempt, fence
      )
      SELECT found.issue_id AS id, found.attempt AS attempts, found.fence, found.run_id,
             CASE WHEN octet_length(i.description::text) <= %d THEN i.description::text END AS description,
             left(i.last_error, 8192) AS last_error
        FROM found LEFT JOIN cape_issues i ON i.id = found.issue_id AND i.fence >= found.fence
      """
          .formatted(DESCRIPTION_LIMIT_BYTES);

  /**
   * The claim that was asked for under this run id, should its answer have been lost: its lease is
   * extended. Empty when there was no such claim, or when its issue is gone; then it is given back.
   */
  public Optional<Claim> findClaim(UUID runId, Duration lease) {
    record Found(Claim claim, boolean fit) {}
    Optional<Found> found =
        database.queryOne(
            FIND_CLAIM,
            bind -> bind.seconds(lease).uuid(runId),
            row -> new Found(toClaim(row), row.getString("description") != null));
    found.filter(one -> !one.fit()).ifPresent(one -> settle(one.claim(), GIVEN_BACK));
    return found.filter(Found::fit).map(Found::claim);
  }

  // A fence never goes back: a row with a lower one is another issue under the id of a deleted one.
  private static final String EXTEND =
      """
      WITH held AS (
        UPDATE cape_issue_attempts SET lease_expires_at = now() + make_interval(secs => ?::float8)
         WHERE run_id = ANY (?::uuid[]) AND outcome = 'running'
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

  /**
   * Writes how the attempt ended, and settles the issue as long as its fence is the claim's. Empty
   * when the lease was lost: nothing changed. Paid work counts: a completed attempt is taken after
   * a rescue, too, as long as the issue was not claimed again. What the issue does not take is
   * kept, and written by {@link #retryRefusals}.
   */
  public Optional<Settled> settle(Claim claim, Settlement settlement) {
    return end(new AttemptEnd(claim.runId(), settlement, false, SETTLE_LOCK_LIMIT));
  }

  private Optional<Settled> end(AttemptEnd end) {
    try {
      return database.queryOne(AttemptEnd.WITH_ISSUE, end::bind, IssueRepository::toSettled);
    } catch (StoreException e) {
      AttemptEnd ascii = end.inAscii();
      if (NO_SUCH_CHARACTER.contains(e.sqlState()) && !ascii.equals(end)) {
        return end(ascii);
      }
      if (!end.mayBeKept(e)) {
        throw e;
      }
      return refusals.keep(ascii, e)
          ? Optional.of(new Settled(Optional.empty(), Optional.of(e.getMessage())))
          : Optional.empty();
    }
  }

  private static Settled toSettled(ResultSet row) throws SQLException {
    return new Settled(Columns.textIfAny(row, "status").map(IssueStatus::ofWord));
  }

  /**
   * What a settle wrote, and what was found after it.
   *
   * @param settled as of {@link #settle}
   * @param claimed empty when it closed an issue instead, or when only the settle could be written
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
    var request = new ClaimRequest(nextRunId, worker, issueLogs, lease);
    try {
      return database.queryTwo(
          AttemptEnd.WITH_ISSUE + ";" + CLAIM,
          bind -> {
            new AttemptEnd(claim.runId(), settlement, false, SETTLE_LOCK_LIMIT).bind(bind);
            request.bind(bind);
          },
          IssueRepository::toSettled,
          IssueRepository::toTried,
          (settled, tried) -> new SettledAndClaimed(settled, tried.flatMap(Tried::result)));
    } catch (StoreException e) {
      if (e.ofConnection()) {
        throw e;
      }
      // Neither is written then, and the settle may well be by itself.
      return new SettledAndClaimed(settle(claim, settlement), Optional.empty());
    }
  }

  /** Writes what issues refused into those that take it by now; answers into how many. */
  public int retryRefusals() {
    return refusals.retry();
  }

  // After a restart of the server the live workers come first.
  private static final String EXPIRED =
      """
      SELECT issue_id AS id, attempt AS attempts, fence, run_id, '' AS description, NULL AS last_error, worker_id, host
        FROM cape_issue_attempts
       WHERE outcome = 'running' AND lease_expires_at < now()
         AND pg_postmaster_start_time() < now() - make_interval(secs => ?::float8)
       ORDER BY lease_expires_at LIMIT 100
      """;

  /**
   * Leases that have run out: at most 100, the longest expired first.
   *
   * @param quiet how long the server must have been up
   */
  public List<ExpiredLease> expiredLeases(Duration quiet) {
    return database.query(
        EXPIRED,
        bind -> bind.seconds(quiet),
        row -> new ExpiredLease(toClaim(row), row.getString("worker_id"), row.getString("host")));
  }

  /**
   * Closes the attempt if its lease has still run out, and puts the issue back if it is still
   * started under it. Empty when the lease was extended or settled meanwhile.
   *
   * @throws StoreException of the kind BUSY when somebody holds the issue: another time, then
   */
  public Optional<Settled> rescue(ExpiredLease expired, Settlement settlement) {
    return end(new AttemptEnd(expired.claim().runId(), settlement, true, RESCUE_LOCK_LIMIT));
  }

  private static final String HELD =
      """
      SELECT issue_id AS id, attempt AS attempts, fence, run_id, '' AS description, NULL AS last_error
        FROM cape_issue_attempts
       WHERE outcome = 'running' AND worker_id::text = ?::text AND instance = ?
      """;

  /** What an instance of a worker has claimed and not settled; without the descriptions. */
  public List<Claim> heldBy(WorkerId worker, UUID instance) {
    return database.query(
        HELD, bind -> bind.text(worker.value()).uuid(instance), IssueRepository::toClaim);
  }

  private static final String OUTCOME = "SELECT outcome FROM cape_issue_attempts WHERE run_id = ?";

  /** How the run stands; empty when somebody deleted it. */
  public Optional<Outcome> outcome(UUID runId) {
    return database.queryOne(
        OUTCOME, bind -> bind.uuid(runId), row -> Outcome.ofWord(row.getString("outcome")));
  }

  /** Whether nobody has settled or rescued the run yet. */
  public boolean running(UUID runId) {
    return outcome(runId).equals(Optional.of(Outcome.RUNNING));
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
