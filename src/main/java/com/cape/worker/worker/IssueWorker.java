package com.cape.worker.worker;

import com.cape.worker.host.WorkerThread;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.store.queue.WorkerRepository.HeartbeatReply;
import com.cape.worker.store.queue.WorkerState;
import com.cape.worker.store.queue.WorkerStatus;
import com.cape.worker.worker.ClaimGate.Hold;
import com.cape.worker.worker.ClaimGate.Reason;
import com.cape.worker.worker.Recovery.Adopted;
import com.cape.worker.worker.lease.Heartbeat;
import com.cape.worker.worker.lease.LeaseWatch;
import com.cape.worker.worker.lease.Rescuer;
import com.cape.worker.worker.state.Attempts;
import com.cape.worker.worker.state.DatabaseAvailability;
import com.cape.worker.worker.state.Drain;
import com.cape.worker.worker.state.LeaseTimes;
import com.cape.worker.worker.state.LifeSigns;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.OutcomeRules;
import com.cape.worker.worker.state.StatusLine;
import com.cape.worker.worker.state.Stores;
import com.cape.worker.worker.wakeup.ClaimOrder;
import com.cape.worker.worker.wakeup.Listening;
import com.cape.worker.worker.wakeup.NotificationHandler;
import com.cape.worker.worker.wakeup.PollSchedule;
import com.cape.worker.worker.wakeup.WakeUp;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The worker: its slots loop over claim, run and settle. The calling thread starts the slots, the
 * heartbeat, the rescuer and the listener, waits for the slots, and stops the rest.
 */
public final class IssueWorker {
  private static final Logger LOG = LoggerFactory.getLogger(IssueWorker.class);
  private static final Duration BETWEEN_STARTS = Duration.ofSeconds(2);
  private static final Duration LONGEST_SETTLE = Duration.ofSeconds(3);
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(20);

  /** Why the worker ended. */
  public enum End {
    STOPPED,
    IDLE,
    CANNOT_START,
    /** Drained by somebody who wants it to be started again. */
    RESTART,
    /** The JDK or the JAR was replaced: another process of this worker can go on. */
    REPLACED,
    /** Left to the next process of this worker, with the runs that live. */
    HANDED_OVER,
    /** Stopped, and the database did not take a result. */
    UNSETTLED
  }

  private final LoopPlan plan;
  private final CommandRunner commands;
  private final Drain drain;
  private final LifeSigns signs;
  private final ClaimGate gate;
  private final Attempts attempts;
  private final DatabaseAvailability database;
  private final WakeUp claimWakeUp = new WakeUp();
  private final WakeUp heartbeatWakeUp = new WakeUp();
  private final WakeUp main = new WakeUp();
  private final AtomicInteger threads = new AtomicInteger();
  private final AtomicInteger slots = new AtomicInteger();
  private final boolean keepsRuns;
  private final Listening listening;
  private final ClaimOrder order;
  private final ClaimLine line;
  private final Settler settler;
  private final AttemptRunner runner;
  private final Recovery recovery;
  private final Heartbeat heartbeat;
  private final LeaseWatch leaseWatch;
  private final Rescuer rescuer;
  private final NotificationHandler handler;
  private final CountDownLatch recovered = new CountDownLatch(1);
  private volatile boolean restart;

  /**
   * @param gate asked before each claim
   * @param signs what the service manager hears
   */
  public IssueWorker(
      WorkerIdentity identity,
      WorkerPlan plan,
      CommandRunner commands,
      Stores stores,
      Drain drain,
      ClaimGate gate,
      LifeSigns signs) {
    RandomGenerator random = RandomGenerator.getDefault();
    RunPlan runPlan = plan.run();
    Listeners listeners = plan.loop().listeners();
    IssueRepository issues = stores.issues();
    this.plan = plan.loop();
    this.keepsRuns = runPlan.keep();
    this.commands = commands;
    this.drain = drain;
    this.gate = gate;
    this.signs = signs;
    var times = new LeaseTimes(this.plan.lease(), runPlan.grace());
    EndingPlan endingPlan = plan.endings();
    var rules = new OutcomeRules(endingPlan.retries(), endingPlan.pacing(), random);
    var endings = new Endings(endingPlan, identity.id(), rules, issues, stores.pauses());
    this.attempts = new Attempts(listeners);
    this.database = DatabaseAvailability.of(times.period(), listeners);
    var retry = new StoreRetry(database, drain);
    this.listening = new Listening(stores.listener(), random, listeners);
    this.order = new ClaimOrder(listening::up);
    String issueLogs = runPlan.issueLogs().toString();
    var claims =
        new Claims(identity, issues, issueLogs, this.plan.lease(), attempts, retry, listeners);
    this.heartbeat =
        new Heartbeat(
            identity,
            stores,
            attempts,
            new Heartbeat.Reporting(this::status, this::replied),
            times,
            new Heartbeat.Signals(heartbeatWakeUp, database, gate.beats(), signs),
            listeners);
    var schedule = new PollSchedule(this.plan.pollInterval(), order, random);
    this.line =
        new ClaimLine(
            claims,
            gate,
            attempts,
            database,
            drain,
            new ClaimLine.Waiting(
                claimWakeUp,
                schedule,
                this::giveSign,
                heartbeat::reportFreeSlots,
                signs::longestWait),
            this.plan.exitWhenIdle());
    this.settler = new Settler(issues, claims, endings, attempts, retry, line, listeners);
    this.runner =
        new AttemptRunner(
            runPlan, new RunSpecs(identity.id(), runPlan, times), commands, gate, settler);
    this.recovery =
        new Recovery(
            runPlan,
            commands,
            new TakeOver(identity, this.plan, stores.adoptions(), issues, retry),
            attempts,
            times,
            settler,
            listeners);
    this.leaseWatch = new LeaseWatch(attempts, times);
    this.rescuer = new Rescuer(issues, rules, database, times.period(), listeners);
    this.handler =
        new NotificationHandler(
            identity.id(), order, attempts, this.plan.concurrency(), claimWakeUp, heartbeatWakeUp);
    drain.onChange(this::drainChanged);
  }

  /** Works until the drain is over, or until nothing is left to do if that was asked for. */
  public End run() throws InterruptedException {
    commands.prepare();
    giveSign();
    heartbeat.start();
    leaseWatch.start();
    listening.start(handler);
    // Closed in the opposite order: the heartbeat goes on as long as leases are held.
    try (heartbeat;
        leaseWatch;
        rescuer;
        listening) {
      if (!recover()) {
        return handOver();
      }
      // Not before: a lease of this worker's own that has expired may still be adopted.
      rescuer.start();
      return workInSlots() ? end() : handOver();
    }
  }

  private boolean handsOver() {
    return drain.stage() == Drain.Stage.HANDING_OVER;
  }

  /** The last heartbeat gives the next process all of the lease. */
  private End handOver() throws InterruptedException {
    heartbeat.beatOnce();
    if (handsOver()) {
      return End.HANDED_OVER;
    }
    // A TERM has come meanwhile, and nobody is to go on.
    drain.interrupt("stopped in a hand-over");
    awaitThreads();
    return end();
  }

  private End end() throws InterruptedException {
    if (handsOver()) {
      return End.RESTART;
    }
    recovery.end();
    if (gate.programReplaced()) {
      return End.REPLACED;
    }
    if (restart) {
      return End.RESTART;
    }
    return settler.unsettled() > 0 ? End.UNSETTLED : line.end().orElse(End.STOPPED);
  }

  private boolean recovering() {
    return recovered.getCount() > 0;
  }

  /** In a thread of its own, so that a stop can be as patient with it as with a run. */
  private boolean recover() throws InterruptedException {
    start(
        "recovery",
        () -> {
          try {
            recovery.run(this::adopt);
          } finally {
            recovered.countDown();
          }
        });
    return await(() -> !recovering());
  }

  /**
   * A slot of its own for a run that goes on; if that is one too many, the first to be free ends.
   */
  private void adopt(Adopted adopted) {
    slots.incrementAndGet();
    try {
      startSlot(slots.get(), Optional.of(adopted));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean workInSlots() throws InterruptedException {
    int adopted = slots.getAndUpdate(now -> Math.max(now, plan.concurrency()));
    for (int i = adopted + 1; i <= plan.concurrency() && !drain.begun(); i++) {
      startSlot(i, Optional.empty());
    }
    return awaitThreads();
  }

  /** Nothing is claimed before all is taken over: what comes may fill the slots. */
  private boolean surplus() {
    try {
      recovered.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return true;
    }
    int most = plan.concurrency();
    return slots.getAndUpdate(now -> now > most ? now - 1 : now) > most;
  }

  private void startSlot(int number, Optional<Adopted> first) throws InterruptedException {
    boolean started = false;
    while (!started && (first.isPresent() || !drain.begun())) {
      try {
        var slot = new Slot(line, runner, attempts, drain, first, this::surplus);
        start("slot-" + number, slot::run);
        started = true;
      } catch (OutOfMemoryError e) { // No native thread (JDK: Thread.start).
        LOG.error("no thread for a slot; trying again slot={}", number, e);
        giveSign();
        drain.await(BETWEEN_STARTS);
      }
    }
  }

  /** What a thread does that the main thread waits for. */
  private interface Work {
    void run() throws InterruptedException;
  }

  private void start(String purpose, Work work) {
    Thread thread = WorkerThread.named(purpose, () -> runCounted(work));
    threads.incrementAndGet();
    try {
      thread.start();
    } catch (OutOfMemoryError e) {
      threads.decrementAndGet();
      throw e;
    }
  }

  private void runCounted(Work work) {
    try {
      work.run();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      threads.decrementAndGet();
      main.signal();
    }
  }

  /**
   * Waits for the threads; from a drain on, for the drain timeout before the runs are stopped.
   *
   * @return false for a hand-over, which waits only for what is on its way into the database
   */
  private boolean awaitThreads() throws InterruptedException {
    return await(() -> threads.get() == 0);
  }

  private boolean await(BooleanSupplier over) throws InterruptedException {
    Optional<Long> hurryNanos = Optional.empty();
    Optional<Long> leaveNanos = Optional.empty();
    while (!over.getAsBoolean()) {
      if (!line.occupied()) {
        giveSign();
      }
      Duration wait = signs.longestWait();
      if (handsOver()) {
        long latestNanos = System.nanoTime() + LONGEST_SETTLE.toNanos();
        leaveNanos = leaveNanos.or(() -> Optional.of(latestNanos));
        boolean settled = !recovering() && attempts.allRun() && !line.occupied();
        if (settled || System.nanoTime() - leaveNanos.get() > 0) {
          return false;
        }
        wait = BETWEEN_LOOKS;
      }
      if (drain.stage() == Drain.Stage.DRAINING) {
        long endNanos = System.nanoTime() + plan.drainTimeout().toNanos();
        hurryNanos = hurryNanos.or(() -> Optional.of(endNanos));
        Duration left = Duration.ofNanos(hurryNanos.get() - System.nanoTime());
        if (left.isNegative()) {
          drain.interrupt("drain timeout");
        }
        wait = left.compareTo(wait) < 0 ? left : wait;
      }
      main.await(wait);
    }
    return true;
  }

  private void drainChanged() {
    if (drain.stage() == Drain.Stage.INTERRUPTING) {
      attempts.interrupt();
      recovery.interrupt();
    }
    heartbeatWakeUp.signalTwice();
    claimWakeUp.signal();
    main.signal();
  }

  private void giveSign() {
    signs.turned(() -> StatusLine.of(state(), attempts.running(), !database.available()));
    if (drain.stage().compareTo(Drain.Stage.DRAINING) >= 0) {
      signs.stopping();
    }
  }

  private void replied(HeartbeatReply reply) {
    order.update(reply);
    // The last word of those who ask counts, but not against a signal.
    if (reply.drainRequested() && drain.stage().compareTo(Drain.Stage.PATIENT) <= 0) {
      if (reply.handOver() && keepsRuns) {
        drain.handOver("restart requested");
        return;
      }
      restart = reply.restart();
      drain.beginPatiently(restart ? "drain requested, for a restart" : "drain requested");
    }
  }

  private WorkerStatus status() {
    boolean claims = gate.current().map(Hold::reason).filter(IssueWorker::lasts).isEmpty();
    int free = Math.max(0, plan.concurrency() - attempts.count());
    return new WorkerStatus(state(), listening.up(), claims && !recovering() ? free : 0);
  }

  private static boolean lasts(Reason reason) {
    return reason.compareTo(Reason.DATABASE_UNAVAILABLE) < 0 || reason == Reason.PAUSED;
  }

  private WorkerState state() {
    if (handsOver()) {
      return WorkerState.HANDING_OVER;
    }
    if (drain.begun()) {
      return WorkerState.DRAINING;
    }
    if (recovering() || attempts.count() > 0) {
      return WorkerState.WORKING;
    }
    Optional<Reason> reason = gate.current().map(Hold::reason);
    return reason.filter(IssueWorker::rests).isPresent() ? WorkerState.PAUSED : WorkerState.IDLE;
  }

  private static boolean rests(Reason reason) {
    return reason == Reason.PAUSED
        || reason == Reason.HOST_RESTING
        || reason == Reason.COMMAND_MISSING;
  }
}
