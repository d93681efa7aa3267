package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static com.cape.worker.store.queue.RepositoryFixture.again;
import static com.cape.worker.store.queue.RepositoryFixture.completed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.store.Database;
import com.cape.worker.store.pause.PauseOrder;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.store.queue.WorkerRepository.LeaseReply;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.TestDatabase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("database")
class IssueRepositoryTest {
  private static final PauseOrder LIMIT =
      new PauseOrder(
          PauseScope.account("default"),
          PauseOrder.Kind.LIMIT,
          List.of(Duration.ofMinutes(15), Duration.ofMinutes(30)),
          Duration.ofMinutes(1),
          "limit: it went wrong",
          "");
  private final TestDatabase database = TestDatabase.createMigrated();
  private final IssueRepository repository =
      new IssueRepository(new Database(database.dataSource()));
  private final WorkerRepository workers =
      new WorkerRepository(new Database(database.dataSource()), "test");

  @BeforeEach
  void migrate() {
    new Migrator(database.dataSource()).migrate();
  }

  @Test
  void claimTakesTheIssueThatHasBeenDueLongestWithinThePriority() {
    database.execute(
        """
        INSERT INTO cape_issues (description, priority, run_after) VALUES
          ('later', 0, now() - interval '1 min'), ('sooner', 0, now() - interval '2 min'),
          ('urgent', 1, now()), ('not due', 2, now() + interval '1 hour')
        """);
    assertEquals("urgent", claim().orElseThrow().description());
    assertEquals("sooner", claim().orElseThrow().description());
    assertEquals("later", claim().orElseThrow().description());
    assertEquals(Optional.empty(), claim());
  }

  @Test
  void runningAttemptIsNotClaimedAgainWhateverTheStatusSays() {
    insert();
    assertTrue(claim().isPresent());
    database.execute("UPDATE cape_issues SET status = 'pending', fence = 0");
    assertEquals(Optional.empty(), claim());
  }

  @Test
  void fenceIsNeverUsedTwiceForAnId() {
    insert();
    Claim first = claim().orElseThrow();
    assertTrue(repository.settle(first, again(true)).isPresent());
    database.execute("DELETE FROM cape_issues");
    database.execute("INSERT INTO cape_issues (id, description) VALUES (1, 'another')");
    assertEquals(first.fence() + 1, claim().orElseThrow().fence());
  }

  @Test
  void completedIsWrittenOnce() {
    insert();
    Claim claim = claim().orElseThrow();
    assertTrue(repository.settle(claim, completed()).isPresent());
    assertFalse(repository.settle(claim, again(true)).isPresent());
    assertEquals("completed", database.value("SELECT status FROM cape_issues"));
    assertEquals("completed", database.value("SELECT outcome FROM cape_issue_attempts"));
    assertEquals("t", database.value("SELECT completed_at IS NOT NULL FROM cape_issues"));
    assertEquals("alice", database.value("SELECT assigned_worker_id FROM cape_issues"));
  }

  @Test
  void attemptThatDoesNotCountIsGivenBackAndKeepsItsPlace() {
    insert();
    String place = database.value("SELECT run_after FROM cape_issues");
    assertTrue(repository.settle(claim().orElseThrow(), again(false)).isPresent());
    assertEquals("0", database.value("SELECT attempts FROM cape_issues"));
    assertEquals(place, database.value("SELECT run_after FROM cape_issues"));
    assertEquals("null", database.value("SELECT assigned_worker_id FROM cape_issues"));
    assertEquals("null", database.value("SELECT started_at FROM cape_issues"));
    assertEquals(1, claim().orElseThrow().attempt());
  }

  @Test
  void issueWithAnotherFenceIsLeftAlone() {
    insert();
    Claim claim = claim().orElseThrow();
    database.execute("UPDATE cape_issues SET fence = 99, status = 'started'");
    assertTrue(repository.settle(claim, completed()).isPresent());
    assertEquals("started", database.value("SELECT status FROM cape_issues"));
    assertEquals("completed", database.value("SELECT outcome FROM cape_issue_attempts"));
  }

  @Test
  void cancelThatWasAskedForWinsOverAnotherAttempt() {
    insert();
    Claim claim = claim().orElseThrow();
    database.execute("UPDATE cape_issues SET cancel_requested_at = now()");
    assertTrue(repository.settle(claim, again(true)).isPresent());
    assertEquals("cancelled", database.value("SELECT status FROM cape_issues"));
  }

  @Test
  void leaseOfASettledAttemptIsNotExtended() {
    insert();
    Claim claim = claim().orElseThrow();
    assertEquals(
        List.of(new LeaseReply(claim.runId(), true, false, false)),
        workers.extendLeases(claim.instance(), List.of(claim.runId()), LEASE));
    assertTrue(repository.settle(claim, completed()).isPresent());
    assertEquals(List.of(), workers.extendLeases(claim.instance(), List.of(claim.runId()), LEASE));
  }

  @Test
  void attemptThatSomebodyHoldsStopsNoOtherLease() throws Exception {
    insert();
    insert();
    Claim held = claim().orElseThrow();
    Claim free = claim().orElseThrow();
    try (var other = database.dataSource().getConnection();
        var statement = other.createStatement()) {
      other.setAutoCommit(false);
      statement.execute(
          "SELECT FROM cape_issue_attempts WHERE run_id = '%s' FOR UPDATE".formatted(held.runId()));
      Map<UUID, Boolean> extended =
          workers.extendLeases(held.instance(), List.of(held.runId(), free.runId()), LEASE).stream()
              .collect(Collectors.toMap(LeaseReply::runId, LeaseReply::extended));
      assertEquals(Map.of(held.runId(), false, free.runId(), true), extended);
    }
  }

  @Test
  void heartbeatTellsOfACancelAndOfADeletedIssue() {
    insert();
    Claim claim = claim().orElseThrow();
    database.execute("UPDATE cape_issues SET cancel_requested_at = now()");
    assertEquals(
        List.of(new LeaseReply(claim.runId(), true, true, false)),
        workers.extendLeases(claim.instance(), List.of(claim.runId()), LEASE));
    database.execute("DELETE FROM cape_issues");
    assertEquals(
        List.of(new LeaseReply(claim.runId(), true, false, true)),
        workers.extendLeases(claim.instance(), List.of(claim.runId()), LEASE));
  }

  @Test
  void dueIssueThatIsToBeCancelledIsNotRun() {
    insert();
    insert();
    database.execute("UPDATE cape_issues SET cancel_requested_at = now() WHERE id = 1");
    assertEquals(2, claim().orElseThrow().issueId());
    assertEquals("cancelled", database.value("SELECT status FROM cape_issues WHERE id = 1"));
    assertEquals("1", database.value("SELECT count(*) FROM cape_issue_attempts"));
  }

  @Test
  void throttledAttemptPausesItsAccount() {
    insert();
    insert();
    assertTrue(repository.settle(claim().orElseThrow(), throttled()).isPresent());
    assertEquals(Optional.empty(), claim());
    NoClaimReason idle = idle();
    assertTrue(idle.pausedFor().orElseThrow().toMinutes() >= 14, idle.toString());
    assertTrue(idle.dues().get(0).in().toMinutes() >= 14, idle.toString());

    var another = new IssueRepository(new Database(database.dataSource()), "another");
    assertEquals(2, RepositoryFixture.claim(another, ALICE).orElseThrow().issueId());
    assertEquals(
        "default another",
        database.value("SELECT string_agg(account, ' ' ORDER BY id) FROM cape_issue_attempts"));
  }

  @Test
  void pauseOfOneWorkerLeavesTheOthersAlone() {
    insert();
    database.execute("INSERT INTO cape_pauses (scope) VALUES ('bob')");
    assertTrue(claim().isPresent());
  }

  @Test
  void pauseWithoutAnEndIsNotShortened() {
    insert();
    Claim claim = claim().orElseThrow();
    database.execute("INSERT INTO cape_pauses (scope, reason) VALUES ('*', 'deploy')");
    assertTrue(repository.settle(claim, throttled()).isPresent());
    assertEquals("deploy", database.value("SELECT reason FROM cape_pauses"));
    assertEquals("null", database.value("SELECT paused_until FROM cape_pauses"));
  }

  @Test
  void manyClaimersNeverTakeTheSameIssue() throws Exception {
    database.execute(
        "INSERT INTO cape_issues (description) SELECT 'x' FROM generate_series(1, 200)");
    try (var claimers = new Claimers(8)) {
      assertEquals(200, claimers.claimAll().size());
    }
    assertEquals("200", database.value("SELECT count(DISTINCT issue_id) FROM cape_issue_attempts"));
    assertEquals("200", database.value("SELECT count(*) FROM cape_issue_attempts"));
  }

  @Test
  void whoeverWritesPendingMeanwhileGivesNoIssueTwice() throws Exception {
    database.execute(
        "INSERT INTO cape_issues (description) SELECT 'x' FROM generate_series(1, 100)");
    var done = new AtomicBoolean();
    var editor =
        CompletableFuture.runAsync(
            () -> {
              while (!done.get()) {
                database.execute(
                    "UPDATE cape_issues SET status = 'pending', fence = 0, attempts = 0"
                        + " WHERE id IN (SELECT id FROM cape_issues ORDER BY random() LIMIT 3)");
              }
            });
    try (var claimers = new Claimers(8)) {
      claimers.claimAll();
    } finally {
      done.set(true);
      editor.join();
    }
    claimRest();
    assertEquals("100", database.value("SELECT count(*) FROM cape_issue_attempts"));
    assertEquals("100", database.value("SELECT count(DISTINCT issue_id) FROM cape_issue_attempts"));
  }

  @Test
  void cancelOfAnIssueThatIsNotDueWaitsUntilItIs() {
    database.execute(
        "INSERT INTO cape_issues (description, run_after, cancel_requested_at)"
            + " VALUES ('x', now() + interval '1 hour', now())");
    assertEquals(Optional.empty(), claim());
    assertEquals("pending", database.value("SELECT status FROM cape_issues"));
    assertTrue(idle().dues().get(0).in().toMinutes() >= 59);
  }

  @Test
  void issueAndPauseWithoutEndAreNoError() {
    database.execute(
        "INSERT INTO cape_issues (description, run_after) VALUES ('never', 'infinity');"
            + " INSERT INTO cape_pauses (scope, paused_until) VALUES ('*', 'infinity')");
    NoClaimReason idle = idle();
    assertEquals(List.of(), idle.dues());
    assertTrue(idle.pausedFor().isPresent());
  }

  @Test
  void longestPauseInForceIsTheOneThatCounts() {
    insert();
    database.execute(
        """
        INSERT INTO cape_pauses (scope, paused_until, reason) VALUES
          ('*', now() + interval '5 min', 'fleet'), ('alice', now() + interval '9 min', 'own'),
          ('bob', NULL, 'other')
        """);
    assertEquals(Optional.empty(), claim());
    assertEquals("own", idle().pauseReason());
    database.execute("UPDATE cape_pauses SET paused_until = NULL WHERE scope = '*'");
    assertEquals("fleet", idle().pauseReason());
    database.execute("DELETE FROM cape_pauses WHERE scope <> 'bob'");
    assertTrue(claim().isPresent());
  }

  @Test
  void nextDueIssuesAreToldInTheirOrder() {
    database.execute(
        "INSERT INTO cape_issues (description, run_after, priority)"
            + " SELECT 'x', now() + make_interval(mins => 100 - n), n % 3 FROM generate_series(1, 90) AS n");
    List<NoClaimReason.Due> dues = idle().dues();
    assertEquals(32, dues.size());
    assertEquals(90, dues.get(0).issueId());
    assertEquals(89, dues.get(1).issueId());
    assertEquals(10, idle().dues().get(0).in().plusSeconds(30).toMinutes());
  }

  @Test
  void lookThatClaimsDoesNotAskWhatFallsDueNext() {
    insert();
    database.execute(
        "INSERT INTO cape_issues (description, run_after) VALUES ('x', now() + interval '1 h')");
    assertEquals(List.of(), look().idle().dues());
    assertEquals(1, look().idle().dues().size());
  }

  @Test
  void attemptsThatCannotGrowStandStill() {
    insert();
    database.execute("UPDATE cape_issues SET attempts = 2147483647");
    assertEquals(Integer.MAX_VALUE, claim().orElseThrow().attempt());
    assertEquals("2147483647", database.value("SELECT attempts FROM cape_issues"));
  }

  @Test
  void issueWhoseFenceCannotGrowIsPassedOver() {
    insert();
    insert();
    insert();
    database.execute("UPDATE cape_issues SET fence = 9223372036854775807 WHERE id = 1");
    database.execute("UPDATE cape_issues SET fence = 9223372036854775806 WHERE id = 2");
    Claim last = claim().orElseThrow();
    assertEquals(2, last.issueId());
    assertEquals(Long.MAX_VALUE, last.fence());
    assertTrue(repository.settle(last, again(false)).isPresent());
    database.execute("UPDATE cape_issues SET fence = 0 WHERE id = 2");
    assertEquals(3, claim().orElseThrow().issueId());
    assertEquals(Optional.empty(), claim());
  }

  @Test
  void fenceOfFourBytesThatCannotGrowIsPassedOver() {
    database.execute("ALTER TABLE cape_issues ALTER COLUMN fence TYPE integer");
    insert();
    insert();
    database.execute("UPDATE cape_issues SET fence = 2147483647 WHERE id = 1");
    assertEquals(2, claim().orElseThrow().issueId());
    assertEquals(Optional.empty(), claim());
  }

  private void claimRest() {
    while (claim().isPresent()) {}
  }

  private final class Claimers implements AutoCloseable {
    private final ExecutorService threads;
    private final int count;

    Claimers(int count) {
      this.count = count;
      this.threads = Executors.newFixedThreadPool(count);
    }

    List<Claim> claimAll() throws Exception {
      Callable<List<Claim>> all =
          () ->
              Stream.generate(() -> claim())
                  .takeWhile(Optional::isPresent)
                  .map(Optional::get)
                  .toList();
      List<Claim> claims = new ArrayList<>();
      for (Future<List<Claim>> done : threads.invokeAll(Collections.nCopies(count, all))) {
        claims.addAll(done.get());
      }
      return claims;
    }

    @Override
    public void close() {
      threads.shutdownNow();
    }
  }

  private static Settlement throttled() {
    return new Settlement(
        Outcome.THROTTLED,
        IssueStatus.PENDING,
        Optional.of(Duration.ofMinutes(15)),
        false,
        Optional.of(75),
        Optional.empty(),
        Optional.of("exit 75"),
        "",
        Optional.of(LIMIT));
  }

  private void insert() {
    database.execute("INSERT INTO cape_issues (description) VALUES ('an issue')");
  }

  @Test
  void settleClaimsTheNextIssueInTheSameGo() {
    insert();
    insert();
    Claim first = claim().orElseThrow();
    var both =
        repository.settleAndClaim(first, completed(), UUID.randomUUID(), ALICE, "/logs", LEASE);
    assertEquals(Optional.of(IssueStatus.COMPLETED), both.settled().orElseThrow().status());
    assertEquals(2, both.claimed().orElseThrow().claim().orElseThrow().issueId());
    var last =
        repository.settleAndClaim(
            both.claimed().get().claim().get(),
            completed(),
            UUID.randomUUID(),
            ALICE,
            "/logs",
            LEASE);
    assertTrue(last.settled().isPresent());
    assertTrue(last.claimed().orElseThrow().claim().isEmpty());
  }

  @Test
  void lostLeaseSettlesNothingButMayClaim() {
    insert();
    insert();
    Claim first = claim().orElseThrow();
    database.execute("UPDATE cape_issue_attempts SET outcome = 'lost'");
    var both =
        repository.settleAndClaim(first, again(true), UUID.randomUUID(), ALICE, "/logs", LEASE);
    assertTrue(both.settled().isEmpty());
    assertEquals(2, both.claimed().orElseThrow().claim().orElseThrow().issueId());
  }

  private NoClaimReason idle() {
    return look().idle();
  }

  private ClaimResult look() {
    return repository.claim(UUID.randomUUID(), ALICE, "/logs/issues", LEASE);
  }

  private Optional<Claim> claim() {
    return RepositoryFixture.claim(repository, ALICE);
  }
}
