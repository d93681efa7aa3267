package com.cape.worker.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.host.ServiceManager;
import com.cape.worker.issue.Pacing;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.Ending;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.RunFolder;
import com.cape.worker.run.RunOutput;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.Database;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.queue.AdoptionRepository;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.store.queue.WorkerRepository;
import com.cape.worker.store.queue.WorkerState;
import com.cape.worker.store.queue.WorkerStatus;
import com.cape.worker.testing.LostAnswers;
import com.cape.worker.testing.Repeats;
import com.cape.worker.testing.TestDatabase;
import com.cape.worker.worker.lease.Heartbeat;
import com.cape.worker.worker.lease.Rescuer;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.Attempts;
import com.cape.worker.worker.state.BeatClock;
import com.cape.worker.worker.state.DatabaseAvailability;
import com.cape.worker.worker.state.Drain;
import com.cape.worker.worker.state.LeaseTimes;
import com.cape.worker.worker.state.LifeSigns;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.OutcomeRules;
import com.cape.worker.worker.state.Stores;
import com.cape.worker.worker.wakeup.ClaimOrder;
import com.cape.worker.worker.wakeup.PollSchedule;
import com.cape.worker.worker.wakeup.WakeUp;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The code of the slots, the heartbeats and the rescuers of two workers takes turns, in an order
 * that a seed decides; answers of the database are lost, issues refuse, and rows are edited.
 */
@Tag("database")
@Timeout(300)
class SlotProtocolTest {
  private static final RetryPolicy RETRIES =
      new RetryPolicy(0, Duration.ofMillis(1), Duration.ofMillis(1));
  private static final int INTERLEAVINGS = Repeats.of(40, 600);
  private static final int STEPS = 20;
  private static final Duration LEASE = Duration.ofMinutes(5);
  private static final String RUNNING =
      "SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'running'";
  private static final List<String> EDITS =
      List.of(
          "UPDATE cape_issues SET status = 'pending'",
          "UPDATE cape_issues SET status = 'started'",
          "UPDATE cape_issues SET fence = 0",
          "UPDATE cape_issues SET cancel_requested_at = now()",
          "DELETE FROM cape_issues WHERE id = 1",
          "INSERT INTO cape_issues (id, description) VALUES (1, 'again') ON CONFLICT DO NOTHING");

  @TempDir private Path directory;
  private final TestDatabase database = TestDatabase.createMigrated();
  private final List<String> story = new ArrayList<>();
  private final List<Run> runs = new ArrayList<>();
  private final Map<Long, Long> fences = new HashMap<>();
  private Random random = new Random(0);
  private boolean finishing;

  @BeforeEach
  void refuseOnRequest() {
    database.execute(
        """
        CREATE TABLE refusing (any_row int);
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF EXISTS (SELECT FROM refusing) THEN RAISE EXCEPTION 'no' USING ERRCODE = '45000'; END IF;
          RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON cape_issues FOR EACH ROW EXECUTE FUNCTION refuse();
        """);
  }

  @Test
  void noOrderOfStepsRunsAnIssueTwiceOrLeavesOneBehind() throws Exception {
    int settled = 0;
    for (int seed = 0; seed < INTERLEAVINGS; seed++) {
      random = new Random(seed);
      story.clear();
      runs.clear();
      fences.clear();
      finishing = false;
      database.execute(
          "TRUNCATE cape_issues, cape_issue_attempts, cape_refusals, refusing RESTART IDENTITY;"
              + " INSERT INTO cape_issues (description) VALUES ('one'), ('two')");
      var workers = List.of(new Worker("alice"), new Worker("bob"));
      try {
        for (int step = 0; step < STEPS; step++) {
          step(workers.get(random.nextInt(2)));
        }
        finish(workers);
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("seed " + seed + ": " + String.join("; ", story), e);
      }
      settled += (int) runs.stream().filter(run -> !run.alive).count();
    }
    assertTrue(settled > 2 * INTERLEAVINGS, "the walk comes around: " + settled);
  }

  private void step(Worker worker) throws InterruptedException {
    switch (random.nextInt(10)) {
      case 0, 1, 2 -> worker.claim();
      case 3, 4, 5 -> worker.end();
      case 6 -> worker.heartbeat.reportFreeSlots();
      case 7 -> worker.beat();
      case 8 -> worker.expireAndRescue();
      default -> edit();
    }
  }

  private boolean loses() {
    return !finishing && random.nextInt(4) == 0;
  }

  private void edit() {
    String edit =
        switch (random.nextInt(4)) {
          case 0 -> "INSERT INTO refusing VALUES (1)";
          case 1 -> "TRUNCATE refusing";
          default -> EDITS.get(random.nextInt(EDITS.size()));
        };
    story.add(edit);
    try {
      database.execute(edit);
    } catch (IllegalStateException e) {
      story.add("(refused)");
    }
  }

  private void finish(List<Worker> workers) throws InterruptedException {
    database.execute(
        "TRUNCATE refusing; UPDATE cape_refusals SET retry_at = now();"
            + " UPDATE cape_issues SET cancel_requested_at = NULL");
    finishing = true;
    for (Worker worker : workers) {
      worker.claim();
      while (worker.current.isPresent()) {
        worker.end();
      }
      assertEquals(0, worker.attempts.count());
    }
    assertEquals("0", database.value(RUNNING), "a claim that nobody runs");
    workers.get(0).expireAndRescue();
    new IssueRepository(new Database(database.dataSource())).retryRefusals();
    assertEquals(
        "0", database.value("SELECT count(*) FROM cape_refusals WHERE status <> 'started'"));
  }

  /** A run without a process. */
  private final class Run implements CommandRunner.Run {
    private final Attempt attempt;
    private boolean alive = true;
    private Optional<StopReason> stopped = Optional.empty();

    private Run(Attempt attempt) {
      this.attempt = attempt;
    }

    @Override
    public Ending await() {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean stop(StopReason reason) {
      story.add("stop " + attempt.claim().fence() + " " + reason);
      stopped = Optional.of(reason);
      alive = false;
      return true;
    }

    @Override
    public void extend(Duration deadline) {}
  }

  /** A worker with one slot, whose steps the test takes. */
  private final class Worker {
    private final String name;
    private final LostAnswers lost = new LostAnswers(database.dataSource());
    private final Attempts attempts = new Attempts(new Listeners());
    private final Drain drain = new Drain();
    private final WakeUp wakeUp = new WakeUp();
    private final ClaimLine line;
    private final Settler settler;
    private final Heartbeat heartbeat;
    private final Rescuer rescuer;
    private Optional<Run> current = Optional.empty();

    private Worker(String name) {
      this.name = name;
      var identity = new WorkerIdentity(new WorkerId(name), UUID.randomUUID(), "here", 1);
      var listeners = new Listeners();
      var times = new LeaseTimes(LEASE, Duration.ofSeconds(10));
      var rules = new OutcomeRules(RETRIES, Pacing.STANDARD, new Random(1));
      var availability =
          new DatabaseAvailability(listeners, Duration.ofMillis(1), Duration.ofMillis(1));
      var retry = new StoreRetry(availability, drain);
      var issues = new IssueRepository(new Database(lost));
      var plain = new Database(database.dataSource());
      var claims = new Claims(identity, issues, "logs", LEASE, attempts, retry, listeners);
      var plan = new WorkerFixture.Command(directory).plan("true");
      var gate =
          new ClaimGate(
              drain, plan.check(), WorkerFixture.commands(), new BeatClock(times), listeners);
      var schedule =
          new PollSchedule(Duration.ofMillis(1), new ClaimOrder(() -> true), new Random(1));
      var waiting =
          new ClaimLine.Waiting(wakeUp, schedule, () -> {}, () -> {}, () -> Duration.ofMillis(1));
      line = new ClaimLine(claims, gate, attempts, availability, drain, waiting, false);
      var endings =
          new Endings(
              WorkerFixture.endings(), identity.id(), rules, issues, new PauseRepository(plain));
      settler = new Settler(issues, claims, endings, attempts, retry, line, listeners);
      heartbeat =
          new Heartbeat(
              identity,
              new Stores(
                  issues,
                  new AdoptionRepository(plain),
                  new PauseRepository(plain),
                  new WorkerRepository(plain, "test"),
                  Optional.empty()),
              attempts,
              new Heartbeat.Reporting(
                  () -> new WorkerStatus(WorkerState.IDLE, false, 1), reply -> {}),
              times,
              new Heartbeat.Signals(
                  new WakeUp(),
                  availability,
                  new BeatClock(times),
                  LifeSigns.of(ServiceManager.NONE, LEASE)),
              listeners);
      rescuer =
          new Rescuer(new IssueRepository(plain), rules, availability, Duration.ZERO, listeners);
    }

    private void claim() throws InterruptedException {
      if (current.isPresent()) {
        return;
      }
      boolean losing = lost.next(loses() ? 1 : 0);
      wakeUp.signal();
      Optional<Attempt> attempt = line.turn();
      story.add(name + (losing ? " claims, answer lost " : " claims ") + fence(attempt));
      attempt.ifPresent(this::begin);
    }

    private String fence(Optional<Attempt> attempt) {
      return attempt
          .map(one -> one.claim().issueId() + "/" + one.claim().fence())
          .orElse("nothing");
    }

    private void begin(Attempt attempt) {
      long issue = attempt.claim().issueId();
      for (Run run : runs) {
        assertTrue(!run.alive || run.attempt.claim().issueId() != issue, "two live runs");
      }
      assertTrue(attempt.claim().fence() > fences.getOrDefault(issue, -1L), "fence used before");
      fences.put(issue, attempt.claim().fence());
      var run = new Run(attempt);
      runs.add(run);
      current = Optional.of(run);
      attempt.running(run);
    }

    private void end() throws InterruptedException {
      if (current.isEmpty()) {
        return;
      }
      Run run = current.get();
      run.alive = false;
      run.attempt.ended();
      current = Optional.empty();
      int exit = random.nextInt(2);
      boolean losing = lost.next(loses() ? 1 + random.nextInt(2) : 0);
      var ending =
          new Ending(OptionalInt.of(exit), run.stopped, Duration.ofSeconds(1), 0, List.of());
      Settler.Next next =
          settler.settle(
              run.attempt,
              RunFolder.of(directory.resolve("runs"), run.attempt.claim()),
              ending,
              RunOutput.NONE);
      story.add(
          "%s ends %s with %d%s, next %s"
              .formatted(
                  name,
                  fence(Optional.of(run.attempt)),
                  exit,
                  losing ? ", answer lost" : "",
                  fence(next.attempt())));
      next.attempt().ifPresent(this::begin);
    }

    private void beat() {
      story.add(name + " beats");
      heartbeat.beat();
    }

    /** A guardian ends the run before its lease does. */
    private void expireAndRescue() {
      story.add("lease of " + name + " expires");
      Stream.of(current)
          .flatMap(Optional::stream)
          .forEach(run -> run.attempt.stop(StopReason.LEASE_LOST));
      database.execute(
          "UPDATE cape_issue_attempts SET lease_expires_at = now() - interval '1 s'"
              + " WHERE outcome = 'running' AND worker_id = '%s'".formatted(name));
      rescuer.turn();
      attempts.held().forEach(attempt -> attempt.renew(LeaseClock.now(), LeaseClock.now()));
    }
  }
}
