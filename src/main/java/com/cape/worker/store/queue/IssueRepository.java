package com.cape.worker.store.queue;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;

/** Every statement about issues and their attempts. Safe for use by several threads. */
public final class IssueRepository {
  private static final int DESCRIPTION_LIMIT_BYTES = 8 * 1024 * 1024;
  private static final Duration SETTLE_LOCK_LIMIT = Duration.ofSeconds(2);
  private static final Duration RESCUE_LOCK_LIMIT = Duration.ofMillis(500);
  private static final Settlement GIVEN_BACK =
      Settlement.withoutRun(
          Outcome.NOT_STARTED,
          IssueStatus.PENDING,
          false,
          "the issue was changed while the answer to its claim was lost");

  private final Database database;
  private final String account;
  private final Refusals refusals;
  private final CarefulClaim careful;
  // From the third on, the reasons for no claim are not asked for in the same round trip: that
  // would cost a busy worker a fifth of its rate.
  private final AtomicInteger claimsInARow = new AtomicInteger();

  /** For claims of the default account. */
  public IssueRepository(Database database) {
    this(database, WorkerRepository.DEFAULT_ACCOUNT);
  }

  /**
   * @param account the provider account whose limits the claimed runs meet
   */
  public IssueRepository(Database database, String account) {
    this.database = requireNonNull(database);
    this.account = requireNonNull(account);
    this.refusals = new Refusals(database);
    this.careful = new CarefulClaim(database, refusals, this::fail);
  }

  // The fence is above that of every attempt, so that none is used twice, even where the column was
  // edited or the id belonged to another issue before. Columns that may be varchar are cast: an
  // operator that another role made for varchar would come before PostgreSQL's own for text.
  static final String CLAIM =
      """
      WITH next AS MATERIALIZED (
        SELECT due.id FROM cape_due_issues due
         WHERE %%s AND %%s
         ORDER BY due.priority DESC, due.run_after, due.id LIMIT 1 FOR UPDATE SKIP LOCKED
      ), claimed AS (
        UPDATE cape_issues i
           SET status = CASE WHEN cancel_requested_at IS NULL THEN 'started' ELSE 'cancelled' END,
               attempts = CASE WHEN cancel_requested_at IS NULL THEN least(greatest(attempts, 0), 2147483646) + 1
                               ELSE attempts END,
               fence = CASE WHEN cancel_requested_at IS NULL
                            THEN 1 + greatest(fence, 0, (SELECT a.fence FROM cape_issue_attempts a WHERE a.issue_id = i.id
                                                          ORDER BY a.fence DESC LIMIT 1)) ELSE fence END,
               assigned_worker_id = CASE WHEN cancel_requested_at IS NULL THEN ?::text ELSE assigned_worker_id::text END,
               started_at = CASE WHEN cancel_requested_at IS NULL THEN now() ELSE started_at END,
               updated_at = now(), completed_at = NULL
          FROM next WHERE i.id = next.id
        RETURNING i.id, i.status::text AS status, i.attempts, i.fence, i.run_after,
                  octet_length(i.description::text) AS size, left(i.last_error, 8192) AS last_error,
                  CASE WHEN octet_length(i.description::text) <= %d THEN i.description::text END AS description
      ), begun AS (
        INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid, account, log_file,
                                         lease_expires_at)
        SELECT id, attempts, fence, ?, ?, ?, ?, ?, ?,
               ?::text || '/' || id::text || '/attempt-' || attempts::text || '-' || fence::text || '.log',
               now() + make_interval(secs => ?::float8)
          FROM claimed WHERE status <> 'cancelled'
      )
      SELECT next.id AS tried_id, claimed.id, status, attempts, fence, ?::uuid AS run_id, ?::uuid AS instance, size, description, last_error,
             CASE WHEN isfinite(run_after) THEN extract(epoch FROM now() - run_after)::float8 END AS waited_s
        FROM next LEFT JOIN claimed ON true
      """
          .formatted(DESCRIPTION_LIMIT_BYTES);

  private static final String WHY_NOTHING =
      """
      (SELECT i.id::bigint AS id, extract(epoch FROM i.run_after - now())::float8 AS left_s, NULL AS reason
         FROM cape_issues i
        WHERE i.status::text = 'pending' AND i.run_after > now() AND i.run_after < 'infinity'
        ORDER BY i.run_after, i.id LIMIT 32)
      UNION ALL
      (SELECT NULL, left_s, CASE phase WHEN 'probing' THEN 'one run finds out whether this is over: '
                                       WHEN 'full' THEN 'the rate of claims grows after: ' ELSE '' END || coalesce(reason, '')
         FROM cape_pause_phases
        WHERE scope IN ('*', ?::text, ?::text) AND (phase <> 'over' OR kind <> 'asked')
        ORDER BY left_s DESC LIMIT 1)
      """;

  // Without statistics of a table that has just been filled, PostgreSQL would sort all of the queue
  // for each claim instead of reading the first entries of the index.
  private static final String IN_ORDER =
      "SELECT set_config('enable_sort', 'off', true), set_config('jit', 'off', true);";

  /**
   * Claims the issue that has been due longest and starts its lease, or says why there is none.
   *
   * @param issueLogs the folder of the attempts' log files
   */
  public ClaimResult claim(UUID runId, WorkerIdentity worker, String issueLogs, Duration lease) {
    var request = new ClaimRequest(runId, worker, account, issueLogs, lease);
    Optional<ClaimResult> result;
    do {
      result = claimOrClose(request);
    } while (result.isEmpty());
    return result.get();
  }

  /** One try; empty when it closed an issue instead: cancelled it, failed it, or set it aside. */
  private Optional<ClaimResult> claimOrClose(ClaimRequest request) {
    Tried tried;
    try {
      tried = settleAndTry(Optional.empty(), request).tried();
    } catch (StoreException e) {
      if (e.ofConnection()) {
        throw e;
      }
      return careful.claim(ClaimForm.PLAIN, request);
    }
    return result(request, tried);
  }

  private record SettledAndTried(Optional<Settled> settled, Tried tried) {}

  private SettledAndTried settleAndTry(Optional<AttemptEnd> end, ClaimRequest request) {
    boolean asksWhy = claimsInARow.get() < 2;
    return database.queryAll(
        end.map(AttemptEnd::withIssue).map(sql -> sql + ";").orElse("")
            + IN_ORDER
            + ClaimForm.PLAIN.sql()
            + (asksWhy ? ";" + WHY_NOTHING : ""),
        bind -> {
          if (end.isPresent()) {
            end.get().bindWithIssue(bind);
          }
          ClaimForm.PLAIN.bind(bind, request, OptionalLong.empty());
          if (asksWhy) {
            request.bindScopes(bind);
          }
        },
        answers -> {
          Optional<Settled> settled =
              end.isPresent()
                  ? answers.next(IssueRepository::toSettled).stream().findFirst()
                  : Optional.empty();
          answers.next(row -> true);
          return new SettledAndTried(settled, Tried.of(answers, asksWhy));
        });
  }

  @SuppressWarnings("ReferenceEquality") // A queue in which nothing waits has an equal reason.
  private Optional<ClaimResult> result(ClaimRequest request, Tried tried) {
    return switch (tried.step()) {
      case CLAIMED -> {
        claimsInARow.incrementAndGet();
        yield Optional.of(tried.result());
      }
      case NOTHING_DUE -> {
        claimsInARow.set(0);
        ClaimResult idle = tried.result() == Tried.NOTHING ? whyNothing(request) : tried.result();
        yield idle.idle().pauseMayEnd() ? probe(request, idle) : Optional.of(idle);
      }
      case UNFIT -> {
        fail(tried);
        yield Optional.empty();
      }
      case CLOSED -> Optional.empty();
      case PASSED_OVER -> careful.claim(ClaimForm.PLAIN, request);
    };
  }

  /** A claim where a pause that ends by itself may allow one. */
  private Optional<ClaimResult> probe(ClaimRequest request, ClaimResult idle) {
    Tried tried;
    try {
      tried =
          database.queryAll(
              IN_ORDER + ClaimForm.PROBING.sql(),
              bind -> ClaimForm.PROBING.bind(bind, request, OptionalLong.empty()),
              answers -> {
                answers.next(row -> true);
                ClaimForm.PROBING.skip(answers);
                return Tried.of(answers, false);
              });
    } catch (StoreException e) {
      if (e.ofConnection()) {
        throw e;
      }
      return careful.claim(ClaimForm.PROBING, request);
    }
    return switch (tried.step()) {
      case NOTHING_DUE -> Optional.of(idle.withoutPause());
      case PASSED_OVER -> careful.claim(ClaimForm.PROBING, request);
      default -> result(request, tried);
    };
  }

  private ClaimResult whyNothing(ClaimRequest request) {
    return Tried.why(database.query(WHY_NOTHING, request::bindScopes, Tried::toCause));
  }

  private static final String RENAME_RUN =
      "UPDATE cape_issue_attempts SET run_id = ? WHERE run_id = ? RETURNING run_id";

  /** Fails an issue that cannot be run; the run id is free again for the next claim. */
  private void fail(Tried tried) {
    Claim claim = tried.result().claim().orElseThrow();
    settle(claim, Settlement.withoutRun(Outcome.FAILED, IssueStatus.FAILED, true, tried.cause()));
    database.query(
        RENAME_RUN, bind -> bind.uuid(UUID.randomUUID()).uuid(claim.runId()), row -> claim);
  }

  private static final String FIND_CLAIM =
      """
      WITH found AS (
        UPDATE cape_issue_attempts SET lease_expires_at = now() + make_interval(secs => ?::float8)
         WHERE run_id = ? AND outcome = 'running'
        RETURNING run_id, instance, issue_id, attempt, fence
      )
      SELECT found.issue_id AS id, found.attempt AS attempts, found.fence, found.run_id, found.instance,
             CASE WHEN octet_length(i.description::text) <= %d THEN i.description::text END AS description,
             left(i.last_error, 8192) AS last_error
        FROM found LEFT JOIN cape_issues i ON i.id = found.issue_id AND i.fence >= found.fence
      """
          .formatted(DESCRIPTION_LIMIT_BYTES);

  /**
   * The claim under this run id, whose answer was lost: its lease is extended. Empty when there was
   * none, or when its issue is gone; then it is given back.
   */
  public Optional<Claim> findClaim(UUID runId, Duration lease) {
    record Found(Claim claim, boolean fit) {}
    Optional<Found> found =
        database.queryOne(
            FIND_CLAIM,
            bind -> bind.seconds(lease).uuid(runId),
            row -> new Found(Tried.toClaim(row), row.getString("description") != null));
    found.filter(one -> !one.fit()).ifPresent(one -> settle(one.claim(), GIVEN_BACK));
    return found.filter(Found::fit).map(Found::claim);
  }

  /**
   * Writes how the attempt ended, and settles the issue as long as its fence is the claim's. Empty
   * when the lease was lost: nothing changed. A completed attempt is accepted after a rescue, too.
   * What the issue refuses is kept for {@link #retryRefusals}.
   */
  public Optional<Settled> settle(Claim claim, Settlement settlement) {
    return end(new AttemptEnd(claim, settlement, false, SETTLE_LOCK_LIMIT));
  }

  private Optional<Settled> end(AttemptEnd end) {
    try {
      return database.queryOne(end.withIssue(), end::bindWithIssue, IssueRepository::toSettled);
    } catch (StoreException e) {
      AttemptEnd ascii = end.inAscii();
      if (e.ofCharacters() && !ascii.equals(end)) {
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
   * @param claimed empty when an issue was closed instead, or only the settle could be written
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
    var request = new ClaimRequest(nextRunId, worker, account, issueLogs, lease);
    var end = new AttemptEnd(claim, settlement, false, SETTLE_LOCK_LIMIT);
    SettledAndTried both;
    try {
      both = settleAndTry(Optional.of(end), request);
    } catch (StoreException e) {
      if (e.ofConnection()) {
        throw e;
      }
      // Neither was written; the settle may be accepted by itself.
      return new SettledAndClaimed(settle(claim, settlement), Optional.empty());
    }
    try {
      return new SettledAndClaimed(both.settled(), result(request, both.tried()));
    } catch (StoreException e) {
      // The settle is written; the next claim meets the same.
      return new SettledAndClaimed(both.settled(), Optional.empty());
    }
  }

  /** Writes what issues refused into those that accept it by now; returns how many. */
  public int retryRefusals() {
    return refusals.retry();
  }

  // After a restart of the server, live workers get time to extend theirs first.
  private static final String EXPIRED =
      """
      SELECT issue_id AS id, attempt AS attempts, fence, run_id, instance, '' AS description, NULL AS last_error, worker_id, host
        FROM cape_issue_attempts
       WHERE outcome = 'running' AND lease_expires_at < now()
         AND pg_postmaster_start_time() < now() - make_interval(secs => ?::float8)
       ORDER BY lease_expires_at LIMIT 100
      """;

  /**
   * At most 100, the longest expired first.
   *
   * @param quiet how long the server must have been up
   */
  public List<ExpiredLease> expiredLeases(Duration quiet) {
    return database.query(
        EXPIRED,
        bind -> bind.seconds(quiet),
        row ->
            new ExpiredLease(
                Tried.toClaim(row), row.getString("worker_id"), row.getString("host")));
  }

  /**
   * Closes the attempt if its lease is still expired, and puts the issue back if it is still
   * started under it. Empty when the lease was extended or settled meanwhile.
   *
   * @throws StoreException of the kind BUSY when somebody holds the issue: try again later
   */
  public Optional<Settled> rescue(ExpiredLease expired, Settlement settlement) {
    return end(new AttemptEnd(expired.claim(), settlement, true, RESCUE_LOCK_LIMIT));
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

  // Who completed since: the index of the completed issues finds the few of that time.
  private static final String STREAK =
      """
      WITH streak AS (
        SELECT count(*) AS length, min(t.finished_at) AS since FROM cape_issue_attempts t
         WHERE t.issue_id = ? AND t.outcome = ?::text
           AND NOT EXISTS (SELECT FROM cape_issue_attempts o
                            WHERE o.issue_id = t.issue_id AND o.fence > t.fence AND o.outcome NOT IN (t.outcome, 'running'))
      )
      SELECT length, EXISTS (SELECT FROM cape_issues i JOIN cape_issue_attempts a ON a.issue_id = i.id
                              WHERE i.status::text = 'completed' AND i.completed_at > since
                                AND a.outcome = 'completed' AND a.account::text = ?::text) AS others
        FROM streak
      """;

  /**
   * @param length how many of the issue's last ended attempts in a row ended so
   * @param othersCompleted whether another run of the account completed since the first of them
   */
  public record Streak(int length, boolean othersCompleted) {}

  public Streak streak(long issueId, Outcome outcome) {
    return database
        .queryOne(
            STREAK,
            bind -> bind.number(issueId).text(outcome.word()).text(account),
            row -> new Streak(row.getInt("length"), row.getBoolean("others")))
        .orElseThrow();
  }
}
