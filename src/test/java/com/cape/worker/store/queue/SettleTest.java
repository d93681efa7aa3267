package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.BOB;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static com.cape.worker.store.queue.RepositoryFixture.again;
import static com.cape.worker.store.queue.RepositoryFixture.completed;
import static com.cape.worker.store.queue.RepositoryFixture.settlement;
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
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What settling writes, whatever others have done to the row meanwhile. */
@Tag("database")
@Timeout(30)
class SettleTest {
  private final TestDatabase database = TestDatabase.createMigrated();
  private final IssueRepository repository =
      new IssueRepository(new Database(database.dataSource()));
  private final WorkerRepository workers =
      new WorkerRepository(new Database(database.dataSource()), "test");

  @BeforeEach
  void migrate() {
    new Migrator(database.dataSource()).migrate();
    database.execute("INSERT INTO cape_issues (description) VALUES ('an issue')");
  }

  @ParameterizedTest
  @ValueSource(strings = {"pending", "started", "completed", "failed", "nonsense"})
  void statusThatSomebodyWroteDoesNotMatter(String status) {
    Claim claim = claim();
    database.execute("UPDATE cape_issues SET status = '" + status + "'");
    assertEquals(Optional.empty(), RepositoryFixture.claim(repository, BOB));
    assertTrue(repository.settle(claim, completed()).isPresent());
    assertEquals("completed", issue("status"));
  }

  @Test
  void failedKeepsWhoAndWhenAndClearsACancel() {
    Claim claim = claim();
    database.execute("UPDATE cape_issues SET cancel_requested_at = now(), completed_at = now()");
    assertTrue(
        repository
            .settle(claim, settlement(Outcome.FAILED, IssueStatus.FAILED, true, Optional.empty()))
            .isPresent());
    assertEquals("failed", issue("status"));
    assertEquals("alice", issue("assigned_worker_id"));
    assertEquals("t", issue("started_at IS NOT NULL"));
    assertEquals("null", issue("completed_at"));
    assertEquals("null", issue("cancel_requested_at"));
    assertEquals("it went wrong", issue("last_error"));
    assertEquals("1", issue("attempts"));
  }

  @Test
  void completedClearsACancelAndTheLastError() {
    assertEquals(written(IssueStatus.PENDING), repository.settle(claim(), again(true)));
    Claim claim = claim();
    assertEquals(Optional.of("it went wrong"), claim.lastError());
    database.execute("UPDATE cape_issues SET cancel_requested_at = now()");
    assertTrue(repository.settle(claim, completed()).isPresent());
    assertEquals("completed", issue("status"));
    assertEquals("null", issue("cancel_requested_at"));
    assertEquals("null", issue("last_error"));
  }

  @Test
  void cancelledInPlaceOfPendingCountsAndKeepsTheRequest() {
    Claim claim = claim();
    String due = issue("run_after");
    database.execute("UPDATE cape_issues SET cancel_requested_at = now()");
    assertEquals(written(IssueStatus.CANCELLED), repository.settle(claim, again(false)));
    assertEquals("cancelled", issue("status"));
    assertEquals("1", issue("attempts"));
    assertEquals("t", issue("cancel_requested_at IS NOT NULL"));
    assertEquals("t", issue("started_at IS NOT NULL"));
    assertEquals(due, issue("run_after"));
    assertEquals("null", issue("completed_at"));
  }

  @Test
  void backoffIsTheWaitFromNow() {
    assertTrue(
        repository
            .settle(
                claim(),
                settlement(
                    Outcome.FAILED, IssueStatus.PENDING, true, Optional.of(Duration.ofMinutes(7))))
            .isPresent());
    assertEquals("t", issue("run_after BETWEEN now() + '6 min' AND now() + '7 min'"));
    assertEquals(Optional.empty(), RepositoryFixture.claim(repository, BOB));
  }

  @Test
  void cancelThatCommitsMeanwhileCounts() throws Exception {
    Claim claim = claim();
    try (Connection other = database.dataSource().getConnection()) {
      other.setAutoCommit(false);
      other.createStatement().execute("UPDATE cape_issues SET cancel_requested_at = now()");
      var settled =
          CompletableFuture.supplyAsync(() -> repository.settle(claim, again(true)).isPresent());
      awaitWaiter();
      other.commit();
      assertTrue(settled.get(10, TimeUnit.SECONDS));
    }
    assertEquals("cancelled", issue("status"));
  }

  @Test
  void fenceThatChangesMeanwhileIsRespected() throws Exception {
    Claim claim = claim();
    try (Connection other = database.dataSource().getConnection()) {
      other.setAutoCommit(false);
      other.createStatement().execute("UPDATE cape_issues SET fence = 50, status = 'started'");
      var settled =
          CompletableFuture.supplyAsync(() -> repository.settle(claim, completed()).isPresent());
      awaitWaiter();
      other.commit();
      assertTrue(settled.get(10, TimeUnit.SECONDS));
    }
    assertEquals("started", issue("status"));
    assertEquals("completed", database.value("SELECT outcome FROM cape_issue_attempts"));
  }

  @Test
  void onlyOneOfTwoSettlesCounts() throws Exception {
    Claim claim = claim();
    var first =
        CompletableFuture.supplyAsync(() -> repository.settle(claim, completed()).isPresent());
    var second =
        CompletableFuture.supplyAsync(() -> repository.settle(claim, completed()).isPresent());
    assertTrue(first.get(10, TimeUnit.SECONDS) ^ second.get(10, TimeUnit.SECONDS));
  }

  @Test
  void lostLeasePausesNobody() {
    Claim claim = claim();
    assertTrue(repository.settle(claim, completed()).isPresent());
    assertFalse(repository.settle(claim, throttled(Duration.ofMinutes(15))).isPresent());
    assertEquals("0", database.value("SELECT count(*) FROM cape_pauses"));
  }

  @Test
  void pauseIsNeverShortened() {
    database.execute(
        "INSERT INTO cape_issues (description, run_after) VALUES ('a second one', '2020-01-01')");
    Claim first = claim();
    Claim second = claim();
    assertTrue(repository.settle(first, throttled(Duration.ofMinutes(30))).isPresent());
    assertTrue(repository.settle(second, throttled(Duration.ofMinutes(15))).isPresent());
    assertEquals("t", database.value("SELECT paused_until > now() + '29 min' FROM cape_pauses"));
    assertEquals(
        "limit: it went wrong",
        repository.claim(UUID.randomUUID(), BOB, "/logs", LEASE).idle().pauseReason());
  }

  @Test
  void triggersOfOthersDoNotMatter() {
    database.execute(
        """
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN NEW.updated_at = now(); RETURN NEW; END';
        CREATE TRIGGER touch BEFORE UPDATE ON cape_issues FOR EACH ROW EXECUTE FUNCTION touch();
        """);
    assertTrue(repository.settle(claim(), again(true)).isPresent());
    assertTrue(repository.settle(claim(), completed()).isPresent());
  }

  @Test
  void errorOfAnyLengthAndContentIsWritten() {
    Settlement base = again(true);
    var huge =
        new Settlement(
            base.outcome(),
            base.status(),
            base.backoff(),
            base.counted(),
            base.exitCode(),
            base.signal(),
            Optional.of("x\0" + "\u20ac".repeat(5000)),
            "tail\0",
            Optional.empty());
    assertTrue(repository.settle(claim(), huge).isPresent());
    assertEquals("8192", issue("(octet_length(last_error) + 2) / 4 * 4"));
    assertEquals("x \u20ac", issue("left(last_error, 3)"));
  }

  @Test
  void charactersThatTheDatabaseLacksStandInNobodysWay() {
    TestDatabase latin1 = TestDatabase.createLatin1();
    new Migrator(latin1.dataSource()).migrate();
    latin1.execute("INSERT INTO cape_issues (description) VALUES ('caf\u00e9')");
    var issues = new IssueRepository(new Database(latin1.dataSource()));
    Claim claim = RepositoryFixture.claim(issues, ALICE).orElseThrow();
    assertEquals("caf\u00e9", claim.description());
    Settlement done =
        new Settlement(
            Outcome.COMPLETED,
            IssueStatus.COMPLETED,
            Optional.empty(),
            true,
            Optional.of(0),
            Optional.empty(),
            Optional.empty(),
            "caf\u00e9 \u2713 \ud83d\ude00 done",
            Optional.empty());
    assertEquals(written(IssueStatus.COMPLETED), issues.settle(claim, done));
    assertEquals("caf? ? ? done", latin1.value("SELECT output_tail FROM cape_issue_attempts"));
  }

  @Test
  void issueInsertedAgainUnderTheIdIsNotTouched() {
    Claim claim = claim();
    database.execute("DELETE FROM cape_issues");
    database.execute("INSERT INTO cape_issues (id, description) VALUES (1, 'another')");
    assertEquals(Optional.empty(), RepositoryFixture.claim(repository, BOB));
    assertEquals(
        List.of(new LeaseReply(claim.runId(), true, false, true)),
        workers.extendLeases(claim.instance(), List.of(claim.runId()), LEASE));
    assertEquals(Optional.of(new Settled(Optional.empty())), repository.settle(claim, completed()));
    assertEquals("pending", issue("status"));
    Claim next = RepositoryFixture.claim(repository, BOB).orElseThrow();
    assertEquals("another", next.description());
    assertEquals(claim.fence() + 1, next.fence());
  }

  @Test
  void heartbeatsStayOnTheirPage() {
    Claim claim = claim();
    String page = "SELECT (ctid::text::point)[0] FROM cape_issue_attempts";
    String before = database.value(page);
    for (int i = 0; i < 20; i++) {
      workers.extendLeases(claim.instance(), List.of(claim.runId()), LEASE);
    }
    assertEquals(before, database.value(page));
    assertEquals(
        "0",
        database.value(
            """
            SELECT count(*) FROM pg_index x, unnest(x.indkey) AS number
              JOIN pg_attribute a ON a.attnum = number
             WHERE x.indrelid = 'cape_issue_attempts'::regclass AND a.attrelid = x.indrelid
               AND a.attname = 'lease_expires_at'
            """));
  }

  private void awaitWaiter() {
    while (database.value("SELECT count(*) FROM pg_locks WHERE NOT granted").equals("0")) {
      Thread.onSpinWait();
    }
  }

  private Claim claim() {
    return RepositoryFixture.claim(repository, ALICE).orElseThrow();
  }

  private static Optional<Settled> written(IssueStatus status) {
    return Optional.of(new Settled(Optional.of(status)));
  }

  private String issue(String expression) {
    return database.value("SELECT " + expression + " FROM cape_issues WHERE id = 1");
  }

  private static Settlement throttled(Duration pause) {
    return new Settlement(
        Outcome.THROTTLED,
        IssueStatus.PENDING,
        Optional.of(pause),
        false,
        Optional.of(75),
        Optional.empty(),
        Optional.of("it went wrong\nwith output"),
        "",
        Optional.of(
            new PauseOrder(
                PauseScope.account("default"),
                PauseOrder.Kind.LIMIT,
                List.of(pause),
                Duration.ofMinutes(1),
                "limit: it went wrong",
                "")));
  }
}
