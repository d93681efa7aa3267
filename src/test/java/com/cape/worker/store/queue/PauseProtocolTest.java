package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.BOB;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static com.cape.worker.store.queue.RepositoryFixture.completed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.store.Database;
import com.cape.worker.store.pause.Pause;
import com.cape.worker.store.pause.PauseOrder;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.testing.TestDatabase;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How a pause that nobody asked for ends: by a probe, then a ramp. */
@Tag("database")
class PauseProtocolTest {
  private static final PauseScope ACCOUNT = PauseScope.account("default");
  private final TestDatabase database = TestDatabase.createMigrated();
  private final Database open = new Database(database.dataSource());
  private final IssueRepository issues = new IssueRepository(open);
  private final PauseRepository pauses = new PauseRepository(open);

  @BeforeEach
  void insert() {
    database.execute(
        "INSERT INTO cape_issues (description) SELECT 'issue' FROM generate_series(1, 40)");
  }

  @Test
  void nothingIsClaimedBeforeTheEndThenOneProbeByTheWholeFleet() throws Exception {
    settle(claim(ALICE).orElseThrow(), limit(ACCOUNT, 120));
    assertEquals(Optional.empty(), claim(ALICE));
    assertEquals(Optional.empty(), claim(BOB));
    var reason = issues.claim(UUID.randomUUID(), BOB, "/logs", LEASE).idle();
    assertEquals(119, reason.pausedFor().orElseThrow().toMinutes());
    assertEquals("limit: it says so", reason.pauseReason());
    end();
    assertEquals(1, claimAtOnce(8).size());
    assertEquals(Pause.Phase.PROBING, phase());
  }

  @Test
  void anotherAccountIsNotHeld() {
    settle(claim(ALICE).orElseThrow(), limit(ACCOUNT, 120));
    var another = new IssueRepository(open, "another");
    assertTrue(RepositoryFixture.claim(another, ALICE).isPresent());
  }

  @Test
  void rateOfClaimsDoublesAfterTheProbe() throws Exception {
    Claim probe = probing(limit(ACCOUNT, 15));
    assertTrue(issues.settle(probe, completed()).isPresent());
    assertEquals(1, claimAtOnce(4).size());
    assertEquals(Pause.Phase.FULL, phase());
    later(1);
    assertEquals(2, claimAtOnce(4).size());
    later(1);
    assertEquals(4, claimAtOnce(8).size());
    later(20);
    for (int i = 0; i < 8; i++) {
      assertTrue(claim(BOB).isPresent());
    }
    assertEquals("0", database.value("SELECT count(*) FROM cape_pauses"));
  }

  @Test
  void probeThatLivesForTwoStepsHasProvedEnough() {
    probing(limit(ACCOUNT, 15));
    assertEquals(Optional.empty(), claim(BOB));
    database.execute(
        "UPDATE cape_issue_attempts SET started_at = started_at - interval '2 min' WHERE outcome = 'running'");
    assertTrue(claim(BOB).isPresent());
  }

  @ParameterizedTest
  @EnumSource(
      value = PauseOrder.Kind.class,
      names = {"LOGIN", "BROKEN"})
  void whereFailuresShowAtTheEndOnlyOneThatCompletesDoes(PauseOrder.Kind kind) {
    Claim probe = probing(order(PauseScope.worker(ALICE.id()), kind, 5, 10));
    database.execute(
        "UPDATE cape_issue_attempts SET started_at = started_at - interval '1 hour' WHERE outcome = 'running'");
    assertEquals(Optional.empty(), claim(ALICE));
    assertTrue(claim(BOB).isPresent());
    assertTrue(issues.settle(probe, completed()).isPresent());
    assertEquals(2, List.of(claim(ALICE).orElseThrow(), claim(ALICE).orElseThrow()).size());
    assertEquals("0", database.value("SELECT count(*) FROM cape_pauses"));
  }

  @Test
  void probeThatFindsItToHoldWaitsLongerEachTime() {
    PauseOrder order = order(ACCOUNT, PauseOrder.Kind.LIMIT, 15, 30, 60);
    settle(claim(ALICE).orElseThrow(), order);
    for (int minutes : new int[] {30, 60, 60}) {
      end();
      settle(claim(BOB).orElseThrow(), order);
      assertEquals(
          Integer.toString(minutes),
          database.value(
              "SELECT round(extract(epoch FROM paused_until - now()) / 60)::int FROM cape_pauses"));
    }
  }

  @Test
  void runsThatMeetTheSameLimitLengthenItOnce() {
    PauseOrder order = order(ACCOUNT, PauseOrder.Kind.LIMIT, 15, 30, 60);
    List<Claim> both = List.of(claim(ALICE).orElseThrow(), claim(BOB).orElseThrow());
    both.forEach(claim -> settle(claim, order));
    assertEquals("1", database.value("SELECT failures FROM cape_pauses"));
  }

  @Test
  void probeThatSaysNothingIsFollowedByAnother() {
    Claim probe = probing(limit(ACCOUNT, 15));
    settle(probe, Optional.empty(), Outcome.NOT_STARTED);
    assertTrue(claim(BOB).isPresent());
    assertEquals(Pause.Phase.PROBING, phase());
  }

  @Test
  void resumeEndsItAtOnce() {
    settle(claim(ALICE).orElseThrow(), limit(ACCOUNT, 120));
    assertEquals(PauseOrder.Kind.LIMIT, pauses.resume(ACCOUNT).orElseThrow().kind());
    assertTrue(claim(ALICE).isPresent());
    assertTrue(claim(BOB).isPresent());
  }

  @Test
  void issueThatRefusesItsClaimDoesNotHoldTheProbe() {
    settle(claim(ALICE).orElseThrow(), limit(ACCOUNT, 120));
    database.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '45000'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON cape_issues FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION refuse();
        """);
    end();
    assertEquals(3, claim(BOB).orElseThrow().issueId());
    assertEquals(Optional.empty(), claim(BOB));
  }

  @Test
  void personsPauseEndsWithoutAProbe() {
    pauses.pause(ACCOUNT, Optional.of(Duration.ofMinutes(5)), Optional.of("deploy"));
    assertEquals(Optional.empty(), claim(ALICE));
    end();
    assertTrue(claim(ALICE).isPresent());
    assertTrue(claim(ALICE).isPresent());
  }

  @Test
  void pendingIssueTellsWhyItWaits() {
    assertEquals("no worker is there", why());
    database.execute(
        "INSERT INTO cape_workers (worker_id, instance, host, pid, version, state, free_slots)"
            + " VALUES ('alice', gen_random_uuid(), 'h', 1, '0', 'idle', 1)");
    assertEquals("is about to be claimed", why());
    database.execute("UPDATE cape_workers SET free_slots = 0");
    assertEquals("all slots are busy", why());
    settle(claim(ALICE).orElseThrow(), limit(ACCOUNT, 120));
    assertTrue(
        why().matches("account default is paused until \\S+ \\S+ UTC: limit: it says so"), why());
    database.execute("UPDATE cape_issues SET run_after = '2100-01-01' WHERE id = 40");
    assertEquals("not to be run before 2100-01-01 00:00:00 UTC", why());
    database.execute("UPDATE cape_issues SET fence = 1 WHERE id = 40");
    assertEquals("waits before its next attempt, until 2100-01-01 00:00:00 UTC", why());
    database.execute("UPDATE cape_issues SET status = 'failed' WHERE id = 40");
    assertEquals("", why());
  }

  private String why() {
    return database.value("SELECT coalesce(cape_why_waiting(40), '')");
  }

  private static PauseOrder limit(PauseScope scope, int minutes) {
    return order(scope, PauseOrder.Kind.LIMIT, minutes);
  }

  private static PauseOrder order(PauseScope scope, PauseOrder.Kind kind, Integer... minutes) {
    return new PauseOrder(
        scope,
        kind,
        List.of(minutes).stream().map(Duration::ofMinutes).toList(),
        Duration.ofMinutes(1),
        kind.word() + ": it says so",
        "it says so");
  }

  private Optional<Claim> claim(WorkerIdentity worker) {
    return RepositoryFixture.claim(issues, worker);
  }

  private void settle(Claim claim, PauseOrder order) {
    settle(claim, Optional.of(order), Outcome.THROTTLED);
  }

  private void settle(Claim claim, Optional<PauseOrder> order, Outcome outcome) {
    var settlement =
        new Settlement(
            outcome,
            IssueStatus.PENDING,
            Optional.of(Duration.ofDays(1)),
            false,
            Optional.of(1),
            Optional.empty(),
            Optional.of("it says so"),
            "",
            order);
    assertTrue(issues.settle(claim, settlement).isPresent());
  }

  /** The run that finds out whether a pause is over. */
  private Claim probing(PauseOrder order) {
    settle(claim(ALICE).orElseThrow(), order);
    end();
    return claim(ALICE).orElseThrow();
  }

  private void end() {
    database.execute("UPDATE cape_pauses SET paused_until = now() - interval '1 s'");
  }

  /** So many steps of the ramp later. */
  private void later(int steps) {
    database.execute(
        "UPDATE cape_issue_attempts SET started_at = started_at - interval '%1$d min', finished_at = finished_at - interval '%1$d min' WHERE run_id = (SELECT probe_run FROM cape_pauses)"
            .formatted(steps));
  }

  private Pause.Phase phase() {
    return pauses.inForce().get(0).phase();
  }

  private List<Claim> claimAtOnce(int workers) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(workers);
    try {
      Callable<Optional<Claim>> one = () -> claim(BOB);
      List<Future<Optional<Claim>>> all = threads.invokeAll(Collections.nCopies(workers, one));
      return all.stream().flatMap(done -> result(done).stream()).toList();
    } finally {
      threads.shutdownNow();
    }
  }

  private static Optional<Claim> result(Future<Optional<Claim>> done) {
    try {
      return done.get();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
