package com.cape.worker.store.queue;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.random.RandomGenerator;

/** What the tests of the repositories have in common. */
public final class RepositoryFixture {
  public static final Duration LEASE = Duration.ofMinutes(5);
  public static final WorkerIdentity ALICE = worker("alice");
  public static final WorkerIdentity BOB = worker("bob");

  private RepositoryFixture() {}

  static WorkerIdentity worker(String id) {
    return new WorkerIdentity(new WorkerId(id), UUID.randomUUID(), "here", 1);
  }

  /** Claims the next issue. */
  public static Optional<Claim> claim(IssueRepository issues, WorkerIdentity worker) {
    return issues.claim(UUID.randomUUID(), worker, "/logs", LEASE).claim();
  }

  /** Inserts an issue the way others do, and sees everything that is due through. */
  public static void claimAndSettle(Database database) {
    database.query(
        "INSERT INTO cape_issues (description) VALUES ('new') RETURNING id",
        bind -> {},
        row -> row.getLong("id"));
    var issues = new IssueRepository(database);
    Optional<Claim> claim = claim(issues, ALICE);
    while (claim.isPresent()) {
      assertTrue(issues.settle(claim.get(), completed()).isPresent());
      claim = claim(issues, ALICE);
    }
    assertTrue(
        database
            .queryOne(
                "SELECT status = 'completed' AS done FROM cape_issues WHERE description = 'new'",
                bind -> {},
                row -> row.getBoolean("done"))
            .orElseThrow());
  }

  /** Rescues as a worker does, and answers what was closed. */
  static List<Settled> rescueAll(IssueRepository issues, RetryPolicy retries) {
    return issues.expiredLeases(Duration.ZERO).stream()
        .flatMap(expired -> issues.rescue(expired, lost(expired, retries)).stream())
        .toList();
  }

  static Settlement lost(ExpiredLease expired, RetryPolicy retries) {
    int attempt = expired.claim().attempt();
    Optional<Duration> backoff = retries.backoffAfter(attempt, RandomGenerator.getDefault());
    return new Settlement(
        Outcome.LOST,
        backoff.isPresent() ? IssueStatus.PENDING : IssueStatus.FAILED,
        backoff,
        true,
        Optional.empty(),
        Optional.empty(),
        Optional.of(
            "attempt %d lost: worker %s on %s did not extend its lease"
                .formatted(attempt, expired.worker(), expired.host())),
        "",
        Optional.empty());
  }

  static Settlement completed() {
    return settlement(Outcome.COMPLETED, IssueStatus.COMPLETED, true, Optional.empty());
  }

  /** Pending again, at once if it counts, else in its place. */
  static Settlement again(boolean counted) {
    return settlement(
        counted ? Outcome.FAILED : Outcome.INTERRUPTED,
        IssueStatus.PENDING,
        counted,
        counted ? Optional.of(Duration.ZERO) : Optional.empty());
  }

  static Settlement settlement(
      Outcome outcome, IssueStatus status, boolean counted, Optional<Duration> backoff) {
    return new Settlement(
        outcome,
        status,
        backoff,
        counted,
        Optional.of(status == IssueStatus.COMPLETED ? 0 : 1),
        Optional.empty(),
        status == IssueStatus.COMPLETED ? Optional.empty() : Optional.of("it went wrong"),
        "",
        Optional.empty());
  }
}
