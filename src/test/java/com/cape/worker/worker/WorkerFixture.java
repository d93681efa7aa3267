package com.cape.worker.worker;

import com.cape.worker.config.CommandTemplate;
import com.cape.worker.host.CommandCheck;
import com.cape.worker.host.ServiceManager;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.ProcessCommandRunner;
import com.cape.worker.run.RunDirectories;
import com.cape.worker.store.Database;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.store.queue.WorkerRepository;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** A worker in one piece on a real database, whose workflow is a line of shell. */
final class WorkerFixture {
  static final WorkerIdentity ALICE =
      new WorkerIdentity(new WorkerId("alice"), UUID.randomUUID(), "here", 1);
  static final Duration LEASE = Duration.ofMinutes(5);

  final TestDatabase database = TestDatabase.create();
  final Stores stores = stores(database);
  final Drain drain = new Drain();
  private static final ProcessCommandRunner COMMANDS =
      new ProcessCommandRunner(Path.of("/usr/bin/perl"), Set.of());
  final RecordingListener listener = new RecordingListener();
  private final Path directory;

  WorkerFixture(Path directory) {
    this.directory = directory;
    new Migrator(database.dataSource()).migrate();
    stores.workers().register(ALICE, LEASE, List.of());
  }

  private static Stores stores(TestDatabase database) {
    var open = new Database(database.dataSource());
    var issues = new IssueRepository(open);
    return new Stores(issues, issues, new WorkerRepository(open, "test"), Optional.empty());
  }

  void insert(String description) {
    database.execute(
        "INSERT INTO cape_issues (description) VALUES ('" + description.replace("'", "''") + "')");
  }

  /** A plan that runs a program found on a PATH, with words that know placeholders. */
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
        Duration.ofSeconds(1));
  }

  RunPlan script(String script) {
    return plan("sh -c '" + script + "'", System.getenv("PATH"));
  }

  static RetryPolicy retries() {
    return new RetryPolicy(5, Duration.ofSeconds(15), Duration.ofHours(1));
  }

  static ProcessCommandRunner commands() {
    return COMMANDS;
  }

  /** A worker that ends when it is idle. */
  IssueWorker worker(RunPlan plan, int concurrency, Duration drainTimeout) {
    return worker(plan, concurrency, drainTimeout, true);
  }

  IssueWorker worker(RunPlan plan, int concurrency, Duration drainTimeout, boolean exitWhenIdle) {
    var loop =
        new LoopPlan(
            Duration.ofSeconds(1),
            concurrency,
            LEASE,
            drainTimeout,
            exitWhenIdle,
            Optional.empty(),
            new Listeners(listener));
    return new IssueWorker(
        ALICE,
        new WorkerPlan(plan, loop, retries()),
        commands(),
        stores,
        drain,
        LifeSigns.of(ServiceManager.NONE, LEASE));
  }

  Settler settler() {
    var listeners = new Listeners(listener);
    var rules = new EndingRules(retries(), () -> 0L);
    return new Settler(stores.issues(), rules, new Outage(listeners), drain, listeners);
  }

  /** Runs the next due issue on this thread. */
  Optional<String> runNext(RunPlan plan) throws InterruptedException {
    return runNext(plan, () -> {});
  }

  /** The same; {@code started} is called once the command was started. */
  Optional<String> runNext(RunPlan plan, Runnable started) throws InterruptedException {
    Duration sent = LeaseClock.now();
    var claim = stores.issues().claimNext(ALICE, plan.issueLogs().toString(), LEASE).orElseThrow();
    var directories = new RunDirectories(plan.runs());
    return new AttemptRunner(
            directories,
            new RunFiles(ALICE.id(), plan, new LeaseTimes(LEASE, plan.grace()), directories),
            plan.check(),
            commands(),
            new LiveRuns(LEASE, Listeners.NOBODY),
            settler(),
            new Claims(
                ALICE, stores.issues(), "logs", LEASE, new AtWork(), () -> false, Listeners.NOBODY))
        .run(new Held(claim, sent), started)
        .cause();
  }
}
