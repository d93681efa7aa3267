package com.cape.worker.daemon;

import static java.util.Objects.requireNonNull;

import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.config.CommandTemplate;
import com.cape.worker.config.HttpSettings;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.ending.EndingRules;
import com.cape.worker.ending.EndingRulesException;
import com.cape.worker.host.CommandCheck;
import com.cape.worker.host.DefaultCommand;
import com.cape.worker.host.Machine;
import com.cape.worker.host.Perl;
import com.cape.worker.host.ServiceManager;
import com.cape.worker.host.StateDirectory;
import com.cape.worker.host.TrustedPath;
import com.cape.worker.host.WorkerThread;
import com.cape.worker.issue.Pacing;
import com.cape.worker.metrics.OpsServer;
import com.cape.worker.metrics.WorkerMetrics;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.store.Database;
import com.cape.worker.store.IssueListener;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.queue.AdoptionRepository;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.store.queue.WorkerRepository;
import com.cape.worker.store.queue.WorkerRepository.HeartbeatReply;
import com.cape.worker.store.queue.WorkerRepository.Registration;
import com.cape.worker.store.queue.WorkerStatus;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.worker.ClaimGate;
import com.cape.worker.worker.EndingPlan;
import com.cape.worker.worker.IssueWorker;
import com.cape.worker.worker.LoopPlan;
import com.cape.worker.worker.RunPlan;
import com.cape.worker.worker.UnadoptedRuns;
import com.cape.worker.worker.WorkerPlan;
import com.cape.worker.worker.state.BeatClock;
import com.cape.worker.worker.state.DatabaseAvailability;
import com.cape.worker.worker.state.Drain;
import com.cape.worker.worker.state.LeaseTimes;
import com.cape.worker.worker.state.LifeSigns;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.Stores;
import com.cape.worker.worker.state.WorkerListener;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The daemon: builds its parts, starts them in order, and takes them down again. */
public final class Daemon {
  private static final Logger LOG = LoggerFactory.getLogger(Daemon.class);
  private static final Duration STATEMENT_LIMIT = Duration.ofSeconds(15);
  private static final Duration HEARTBEAT_LIMIT = Duration.ofSeconds(5);
  private static final Duration PROBE_LIMIT = Duration.ofSeconds(2);
  private static final int MOST_CONNECTIONS = 8;
  private static final Duration LATEST_EXIT = Duration.ofMillis(4500);
  private static final String START = "start";
  // How many times faster the fixed waits pass, for scripts/week.sh.
  private static final String TIME_SCALE = "cape.time.scale";

  private final WorkerConfig config;
  private final String version;
  private final Map<String, String> environment;
  private final ZoneId zone;
  private final WorkerIdentity identity;
  private final WorkerConfig.Command command;
  private final Drain drain = new Drain();
  private final Listeners listeners = new Listeners();

  /** Builds the daemon of this process, which writes the times in its log in this zone. */
  public Daemon(WorkerConfig config, String version, Map<String, String> environment, ZoneId zone) {
    this.config = requireNonNull(config);
    this.version = requireNonNull(version);
    this.environment = requireNonNull(environment);
    this.zone = requireNonNull(zone);
    this.identity =
        new WorkerIdentity(
            config.workerId(),
            UUID.randomUUID(),
            Machine.hostName(),
            ProcessHandle.current().pid());
    this.command = config.command();
  }

  /**
   * Works until it is stopped.
   *
   * @param halt ends the process at once, for a third signal or a hand-over that takes too long
   */
  public ExitCode run(Consumer<ExitCode> halt) throws InterruptedException {
    String searchPath = command.searchPath(environment);
    CommandTemplate template =
        command.template().orElseGet(() -> DefaultCommand.in(command.workingDir(), searchPath));
    CommandCheck check = check(template, searchPath);
    Path perl =
        Perl.find(command.workingDir(), searchPath).orElseThrow(() -> refusal(Perl.MISSING));
    check("--log-dir", config.logs().directory());
    check("--state-dir", config.logs().stateDirectory());
    String holder =
        "pid %d on %s, started %s".formatted(identity.pid(), identity.host(), Instant.now());
    try (var state =
            StateDirectory.open(config.logs().stateDirectory(), identity.instance(), holder);
        var logging = Logging.start(config.workerId(), config.logs(), zone, environment)) {
      drain.onChange(() -> leaveInTime(halt));
      StopSignals.ofWorker(drain, command.keepRuns(), () -> halt.accept(ExitCode.FAILED)).handle();
      RunPlan plan = plan(template, check, state);
      announce(plan);
      var notifier = new CommandCheck("systemd-notify", command.workingDir(), searchPath);
      logging.retain(plan.issueLogs(), config.logs().retention());
      try (var manager = ServiceManager.from(environment, notifier, perl)) {
        return watched(plan, perl, state, LifeSigns.of(manager, heartbeatPeriod()));
      } catch (Refusal e) {
        LOG.error(LogLine.CRITICAL, "{}", e.getMessage());
        return e.exitCode();
      } catch (RuntimeException e) {
        LOG.error(LogLine.CRITICAL, "unexpected error, the worker ends; please report it", e);
        return ExitCode.FAILED;
      }
    } catch (StateDirectory.BusyException e) {
      throw taken(e.getMessage());
    } catch (IOException e) {
      throw refusal("cannot use the log or state directory: " + e);
    }
  }

  /** Works, and serves metrics and health where an address is set. */
  private ExitCode watched(RunPlan plan, Path perl, StateDirectory state, LifeSigns signs)
      throws InterruptedException, IOException {
    try (var commands = new CommandRunner(perl, command.withheld())) {
      var beats = new BeatClock(new LeaseTimes(config.loop().lease(), plan.grace()));
      var gate = new ClaimGate(drain, plan.check(), commands, beats, listeners);
      if (config.http().isEmpty()) {
        return work(plan, state, signs, commands, gate);
      }
      HttpSettings http = config.http().get();
      try (OpsServer server = serve(http, gate, signs)) {
        LOG.info(
            "serving metrics and health address={} port={}",
            http.address().host(),
            server.address().getPort());
        return work(plan, state, signs, commands, gate);
      }
    }
  }

  private OpsServer serve(HttpSettings http, ClaimGate gate, LifeSigns signs) {
    var about =
        new WorkerMetrics.About(
            config.workerId(), version, config.loop().concurrency(), config.loop().lease());
    try {
      return new OpsServer(
          http,
          about,
          signs::alive,
          gate,
          listeners,
          () -> Database.single(config.connection().url(), applicationName(), PROBE_LIMIT));
    } catch (IOException e) {
      throw Refusal.of(http.address(), e);
    }
  }

  private ExitCode work(
      RunPlan plan, StateDirectory state, LifeSigns signs, CommandRunner commands, ClaimGate gate)
      throws InterruptedException, IOException {
    int connections = Math.min(config.loop().concurrency(), MOST_CONNECTIONS);
    try (Database work = open(connections, STATEMENT_LIMIT);
        Database beat = open(1, heartbeatLimit())) {
      var stores =
          new Stores(
              new IssueRepository(work, config.loop().account()),
              new AdoptionRepository(work),
              new PauseRepository(work),
              new WorkerRepository(beat, version, config.loop().account()),
              listener(work));
      keepPlansOfSessions(work);
      state.registering();
      if (!register(stores.workers(), signs, state.predecessors())) {
        if (drain.stage() == Drain.Stage.HANDING_OVER) {
          return ExitCode.TRY_LATER;
        }
        UnadoptedRuns.end(plan, commands, drain, config.loop().drainTimeout(), signs::waiting);
        return ExitCode.DONE;
      }
      try {
        state.registered();
      } catch (IOException e) {
        sayStopped(stores.workers());
        throw e;
      }
      LOG.info("ready host={} pid={}", identity.host(), identity.pid());
      listeners.add(
          new WorkerListener() {
            @Override
            public void recoveryOver() {
              noteRecovered(state);
            }
          });
      var worker =
          new IssueWorker(
              identity,
              new WorkerPlan(plan, loopPlan(state), endingPlan()),
              commands,
              stores,
              drain,
              gate,
              signs);
      IssueWorker.End end = worker.run();
      signs.stopping();
      if (end == IssueWorker.End.HANDED_OVER) {
        LOG.info("handed over");
        return ExitCode.TRY_LATER;
      }
      Optional<HeartbeatReply> lastWord = sayStopped(stores.workers());
      LOG.info("stopped");
      return switch (end) {
        case STOPPED, RESTART -> left(end, lastWord);
        case IDLE -> ExitCode.DONE;
        case CANNOT_START -> ExitCode.WRONG_SETTING;
        case REPLACED, HANDED_OVER -> ExitCode.TRY_LATER;
        case UNSETTLED -> ExitCode.FAILED;
      };
    }
  }

  /**
   * Brings the schema up to date and registers the worker, once the database is available; false
   * when the worker was stopped before.
   */
  private boolean register(WorkerRepository workers, LifeSigns signs, List<UUID> predecessors)
      throws InterruptedException {
    var database = new DatabaseAvailability(listeners);
    while (!drain.begun()) {
      try {
        prepareSchema();
        Optional<Registration> other =
            workers.register(identity, config.loop().lease(), predecessors);
        database.answered(START);
        if (other.isPresent()) {
          Registration now = other.get();
          throw taken(
              "pid %d on %s, started %s"
                  .formatted(now.worker().pid(), now.worker().host(), now.startedAt()));
        }
        listeners.announce(WorkerListener::ready);
        return true;
      } catch (StoreException e) {
        if (e.kind() != StoreException.Kind.UNAVAILABLE && e.kind() != StoreException.Kind.BUSY) {
          throw Refusal.of(e, config.connection().origin());
        }
        Duration wait = database.failed(START, e);
        signs.waiting();
        drain.await(wait);
      }
    }
    return false;
  }

  private void prepareSchema() {
    var migrator = new Migrator(config.connection().url());
    if (migrator.upToDate()) {
      return;
    }
    if (!config.connection().migrate()) {
      throw refusal(
          "the schema is not up to date, and --no-migrate forbids to change that;"
              + " run 'cape-worker migrate'");
    }
    migrator.migrate();
    LOG.info("schema brought up to date");
  }

  private Refusal taken(String holder) {
    return new Refusal(
        ExitCode.TRY_LATER,
        "worker id %s is taken: %s; stop that one, or choose another id"
            .formatted(config.workerId(), holder));
  }

  /**
   * The exit code after a stop: 75 if a restart was asked for last, perhaps since the last beat.
   */
  private ExitCode left(IssueWorker.End end, Optional<HeartbeatReply> lastWord) {
    boolean asked = drain.stage() == Drain.Stage.PATIENT;
    boolean restart =
        lastWord
            .filter(reply -> asked && reply.drainRequested())
            .map(HeartbeatReply::restart)
            .orElse(end == IssueWorker.End.RESTART);
    return restart ? ExitCode.TRY_LATER : ExitCode.DONE;
  }

  private static void noteRecovered(StateDirectory state) {
    try {
      state.recovered();
    } catch (IOException e) {
      LOG.warn("cannot note that the predecessor's runs were taken over", e);
    }
  }

  /** Nothing is lost by it: the next process takes over whatever was on its way. */
  private void leaveInTime(Consumer<ExitCode> halt) {
    if (drain.stage() == Drain.Stage.HANDING_OVER) {
      Thread thread =
          WorkerThread.named(
              "hand-over",
              () -> {
                try {
                  TimeUnit.MILLISECONDS.sleep(LATEST_EXIT.toMillis());
                } catch (InterruptedException e) {
                  return;
                }
                if (drain.stage() == Drain.Stage.HANDING_OVER) {
                  LOG.warn("leaving at once: the hand-over takes too long");
                  halt.accept(ExitCode.TRY_LATER);
                }
              });
      thread.setDaemon(true);
      thread.start();
    }
  }

  /** Short enough that a statement that hangs leaves time for the next one. */
  private Duration heartbeatLimit() {
    Duration period = heartbeatPeriod();
    return period.compareTo(HEARTBEAT_LIMIT) < 0 ? period : HEARTBEAT_LIMIT;
  }

  private Duration heartbeatPeriod() {
    return config.loop().lease().dividedBy(10);
  }

  private Database open(int connections, Duration statementLimit) {
    return Database.open(config.connection().url(), applicationName(), connections, statementLimit);
  }

  /** Notifications arrive only where a connection keeps its session, and so its plans. */
  private void keepPlansOfSessions(Database work) {
    if (config.connection().listenUrl().equals(config.connection().url())) {
      listeners.add(
          new WorkerListener() {
            @Override
            public void listening(boolean up) {
              work.keepPlans(up);
            }
          });
    }
  }

  private Optional<IssueListener> listener(Database sender) {
    return Optional.of(config.connection())
        .filter(WorkerConfig.Connection::listen)
        .map(
            connection ->
                new IssueListener(
                    connection.listenUrl(), applicationName(), sender, identity.instance()));
  }

  private String applicationName() {
    return "cape-worker " + config.workerId();
  }

  private Optional<HeartbeatReply> sayStopped(WorkerRepository workers) {
    try {
      return workers.heartbeat(identity, WorkerStatus.STOPPED, config.loop().lease());
    } catch (StoreException e) {
      LOG.debug("cannot say that the worker has stopped", e);
      return Optional.empty();
    }
  }

  private void announce(RunPlan plan) {
    LOG.info(
        "starting version={} java={} database={} command={} working_dir={} log_dir={}",
        version,
        Runtime.version(),
        config.connection().url(),
        plan.template().program(),
        plan.directory(),
        config.logs().directory());
    if (!plan.withheld().isEmpty()) {
      LOG.info("withheld from workflows names={}", String.join(",", plan.withheld()));
    }
  }

  private LoopPlan loopPlan(StateDirectory state) {
    return new LoopPlan(
        config.loop().pollInterval(),
        config.loop().concurrency(),
        config.loop().lease(),
        config.loop().drainTimeout(),
        config.loop().exitWhenIdle(),
        state.predecessors(),
        state.previousHere(),
        listeners);
  }

  private EndingPlan endingPlan() {
    int scale = Integer.getInteger(TIME_SCALE, 1);
    return new EndingPlan(
        config.loop().account(),
        endingRules(),
        config.retry(),
        scale > 1 ? Pacing.STANDARD.faster(scale) : Pacing.STANDARD);
  }

  private EndingRules endingRules() {
    WorkerConfig.Endings endings = config.loop().endings();
    if (!endings.judged()) {
      return EndingRules.none();
    }
    if (endings.rules().isEmpty()) {
      return EndingRules.shipped();
    }
    try {
      return EndingRules.read(endings.rules().get());
    } catch (EndingRulesException e) {
      throw refusal(e.getMessage());
    }
  }

  private RunPlan plan(CommandTemplate template, CommandCheck check, StateDirectory state) {
    return new RunPlan(
        template,
        check,
        command.declared(),
        command.withheld(),
        command.workingDir(),
        config.logs().directory().resolve("issues"),
        state.runs(),
        command.outputLimitBytes(),
        command.timeout(),
        command.grace(),
        command.keepRuns());
  }

  private CommandCheck check(CommandTemplate template, String searchPath) {
    var check =
        new CommandCheck(template.program(), command.workingDir(), searchPath, command.declared());
    Optional<String> trouble = check.trouble();
    if (trouble.isPresent()) {
      throw refusal(trouble.get() + "; mend that, or set --command or --working-dir");
    }
    return check;
  }

  private static void check(String option, Path directory) {
    TrustedPath.trouble(directory)
        .ifPresent(
            trouble -> {
              throw refusal("cannot use %s %s: %s".formatted(option, directory, trouble));
            });
  }

  private static Refusal refusal(String message) {
    return new Refusal(ExitCode.WRONG_SETTING, message);
  }
}
