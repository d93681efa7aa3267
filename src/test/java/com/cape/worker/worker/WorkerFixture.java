package com.cape.worker.worker;

import com.cape.worker.config.CommandTemplate;
import com.cape.worker.ending.EndingRules;
import com.cape.worker.host.CommandCheck;
import com.cape.worker.host.ServiceManager;
import com.cape.worker.issue.Pacing;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.store.Database;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.queue.AdoptionRepository;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.store.queue.WorkerRepository;
import com.cape.worker.testing.TestDatabase;
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
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** A worker in one piece on a real database, whose workflow is a line of shell. */
public final class WorkerFixture {
  public static final WorkerIdentity ALICE =
      new WorkerIdentity(new WorkerId("alice"), UUID.randomUUID(), "here", 1);
  public static final Duration LEASE = Duration.ofMinutes(5);

  public final TestDatabase database = TestDatabase.createMigrated();
  public final Stores stores = stores(database);
  final Drain drain = new Drain();
  private static final CommandRunner COMMANDS =
      new CommandRunner(Path.of("/usr/bin/perl"), Set.of());
  final RecordingListener listener = new RecordingListener();
  private final Path directory;

  public WorkerFixture(Path directory) {
    this.directory = directory;
    stores.workers().register(ALICE, LEASE, List.of());
  }

  private static Stores stores(TestDatabase database) {
    var open = new Database(database.dataSource());
    var issues = new IssueRepository(open);
    return new Stores(
        issues,
        new AdoptionRepository(open),
        new PauseRepository(open),
        new WorkerRepository(open, "test"),
        Optional.empty());
  }

  public void insert(String description) {
    database.execute(
        "INSERT INTO cape_issues (description) VALUES ('" + description.replace("'", "''") + "')");
  }

  /** What is run in a directory. */
  record Command(Path directory) {
    RunPlan plan(String template) {
      return plan(template, System.getenv("PATH"));
    }

    RunPlan plan(String template, String searchPath) {
      CommandTemplate command = CommandTemplate.parse(template);
      return new RunPlan(
          command,
          new CommandCheck(command.program(), directory, searchPath),
          Map.of(),
          Set.of(),
          directory,
          directory.resolve("issues"),
          directory.resolve("runs"),
          1 << 20,
          Duration.ofSeconds(2),
          Duration.ofSeconds(1),
          true);
    }
  }

  /** A plan that runs a program found on a PATH, with words that know placeholders. */
  RunPlan plan(String template, String searchPath) {
    return new Command(directory).plan(template, searchPath);
  }

  public RunPlan script(String script) {
    return plan("sh -c '" + script + "'", System.getenv("PATH"));
  }

  static EndingPlan endings() {
    return new EndingPlan("default", EndingRules.shipped(), retries(), Pacing.STANDARD);
  }

  static RetryPolicy retries() {
    return new RetryPolicy(5, Duration.ofSeconds(15), Duration.ofHours(1));
  }

  static CommandRunner commands() {
    return COMMANDS;
  }

  /** A worker that ends when it is idle. */
  IssueWorker worker(RunPlan plan, int concurrency, Duration drainTimeout) {
    return worker(plan, concurrency, drainTimeout, true);
  }

  /** The same over another repository. */
  IssueWorker worker(IssueRepository issues, RunPlan plan) {
    var over =
        new Stores(issues, stores.adoptions(), stores.pauses(), stores.workers(), Optional.empty());
    return worker(over, plan, 1, LEASE, true);
  }

  IssueWorker worker(RunPlan plan, int concurrency, Duration drainTimeout, boolean exitWhenIdle) {
    return worker(stores, plan, concurrency, drainTimeout, exitWhenIdle);
  }

  private IssueWorker worker(
      Stores over, RunPlan plan, int concurrency, Duration drainTimeout, boolean exitWhenIdle) {
    var loop =
        new LoopPlan(
            Duration.ofSeconds(1),
            concurrency,
            LEASE,
            drainTimeout,
            exitWhenIdle,
            List.of(),
            List.of(),
            new Listeners(listener));
    return new IssueWorker(
        ALICE,
        new WorkerPlan(plan, loop, endings()),
        commands(),
        over,
        drain,
        gate(plan),
        LifeSigns.of(ServiceManager.NONE, LEASE));
  }

  ClaimGate gate(RunPlan plan) {
    var beats = new BeatClock(new LeaseTimes(LEASE, plan.grace()));
    return new ClaimGate(drain, plan.check(), commands(), beats, new Listeners(listener));
  }

  /** The parts that settle, over other repositories than those of the fixture. */
  Settling settling(IssueRepository issues, ClaimGate gate) {
    var listeners = new Listeners(listener);
    var attempts = new Attempts(listeners);
    var database = new DatabaseAvailability(listeners);
    var retry = new StoreRetry(database, drain);
    var claims = new Claims(ALICE, issues, "logs", LEASE, attempts, retry, listeners);
    var order = new ClaimOrder(() -> true);
    var wakeUp = new WakeUp();
    var schedule = new PollSchedule(Duration.ofMillis(20), order, () -> 0L);
    var waiting =
        new ClaimLine.Waiting(wakeUp, schedule, () -> {}, () -> {}, () -> Duration.ofMillis(50));
    var line = new ClaimLine(claims, gate, attempts, database, drain, waiting, false);
    var rules = new OutcomeRules(retries(), Pacing.STANDARD, () -> 0L);
    var endings = new Endings(endings(), ALICE.id(), rules, issues, stores.pauses());
    var settler = new Settler(issues, claims, endings, attempts, retry, line, listeners);
    return new Settling(attempts, claims, line, settler);
  }

  record Settling(Attempts attempts, Claims claims, ClaimLine line, Settler settler) {}

  Settling settling(RunPlan plan) {
    return settling(stores.issues(), gate(plan));
  }

  /** An attempt of the next due issue, claimed for Alice. */
  public Attempt claimNext(RunPlan plan) {
    Duration sent = LeaseClock.now();
    var result =
        stores.issues().claim(UUID.randomUUID(), ALICE, plan.issueLogs().toString(), LEASE);
    return new Attempt(result.claim().orElseThrow(), sent);
  }

  /** Runs the next due issue on this thread, and no other; how its attempt ended. */
  Attempt.State runNext(RunPlan plan) throws InterruptedException {
    return runNext(plan, gate(plan));
  }

  /** The same, before a gate that hears of starts and failures. */
  Attempt.State runNext(RunPlan plan, ClaimGate gate) throws InterruptedException {
    Attempt attempt = claimNext(plan);
    var draining = new Drain();
    draining.begin("one issue is enough");
    var closed =
        new ClaimGate(draining, plan.check(), commands(), gate.beats(), new Listeners(listener));
    var specs = new RunSpecs(ALICE.id(), plan, new LeaseTimes(LEASE, plan.grace()));
    var settler = settling(stores.issues(), closed).settler();
    new AttemptRunner(plan, specs, commands(), gate, settler).run(attempt);
    return attempt.state();
  }
}
