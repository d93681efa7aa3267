package com.cape.worker.worker;

import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.RunDirectories;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.ClaimResult;
import com.cape.worker.store.queue.HeartbeatReply;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.store.queue.WorkerState;
import com.cape.worker.store.queue.WorkerStatus;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;

/**
 * The loop: claims one issue after the other while a slot is free, and rests only when nothing is
 * due. One thread runs it; it owns the threads of the slots, of the heartbeat, the rescuer, the
 * listener and the settler.
 */
public final class IssueWorker {
  private static final String PARTY = "loop";
  private static final Duration UNTIL_WOKEN = Duration.ofHours(1);
  private static final Duration UNTIL_BEAT = Duration.ofSeconds(1);

  /** Why the loop ended. */
  public enum End {
    STOPPED,
    IDLE,
    CANNOT_START,
    /** Drained at the wish of somebody who wants it to be started again. */
    RESTART,
    /** The JDK or the JAR was replaced: another process of this worker can go on. */
    REPLACED,
    /** Stopped, and the database did not take a result. */
    UNSETTLED
  }

  private final LoopPlan loopPlan;
  private final CommandRunner commands;
  private final Drain drain;
  private final LifeSigns signs;
  private final Listeners listeners;
  private final Outage outage;
  private final WakeUp wakeUp = new WakeUp();
  private final LiveRuns runs;
  private final StartConditions conditions;
  private final AtomicInteger threads = new AtomicInteger();
  private final ExecutorService executor =
      Executors.newCachedThreadPool(
          work -> WorkerThread.named("slot-" + threads.incrementAndGet(), work));
  private final AtWork atWork = new AtWork();
  private final RunDirectories directories;
  private final Slots slots;
  private final Listening listening;
  private final ClaimOrder fleet;
  private final PollSchedule rest;
  private final Settler settler;
  private final Claims claims;
  private final AttemptRunner attempts;
  private final Recovery recovery;
  private final Heartbeat heartbeat;
  private final Rescuer rescuer;
  private final NotificationHandler summons;
  private volatile boolean restart;

  public IssueWorker(
      WorkerIdentity identity,
      WorkerPlan plan,
      CommandRunner commands,
      Stores stores,
      Drain drain,
      LifeSigns signs) {
    RandomGenerator random = RandomGenerator.getDefault();
    RunPlan runPlan = plan.run();
    this.loopPlan = plan.loop();
    var times = new LeaseTimes(loopPlan.lease(), runPlan.grace());
    IssueRepository issues = stores.issues();
    this.commands = commands;
    this.drain = drain;
    this.signs = signs;
    this.listeners = loopPlan.listeners();
    this.outage = new Outage(listeners);
    this.runs = new LiveRuns(loopPlan.lease(), listeners);
    this.conditions =
        new StartConditions(runPlan.check(), commands, new StartPause(listeners), drain);
    this.slots = new Slots(loopPlan.concurrency(), executor, wakeUp::signal, listeners);
    this.listening = new Listening(stores.listener(), random, listeners);
    this.fleet = new ClaimOrder(listening::up);
    this.rest = new PollSchedule(loopPlan.pollInterval(), fleet, random, listeners);
    var rules = new EndingRules(plan.retries(), random);
    this.settler = new Settler(issues, rules, outage, drain, listeners);
    this.directories = new RunDirectories(runPlan.runs());
    var files = new RunFiles(identity.id(), runPlan, times, directories);
    this.heartbeat =
        new Heartbeat(identity, stores, runs, this::presence, this::called, outage, times, signs);
    this.summons = new NotificationHandler(identity.id(), fleet, slots, wakeUp, heartbeat, atWork);
    String issueLogs = runPlan.issueLogs().toString();
    this.claims =
        new Claims(identity, issues, issueLogs, loopPlan.lease(), atWork, this::mayGoOn, listeners);
    this.attempts =
        new AttemptRunner(directories, files, runPlan.check(), commands, runs, settler, claims);
    this.recovery =
        new Recovery(directories, files, commands, claims, settler, runPlan.grace(), executor);
    this.rescuer = new Rescuer(stores.issues(), plan.retries(), outage, times.period(), listeners);
    drain.onChange(this::drainChanged);
  }

  /** Works until the drain is over, or until nothing is left to do if that was asked for. */
  public End run() throws InterruptedException {
    commands.prepare();
    tellSigns();
    heartbeat.start();
    rescuer.start();
    listening.start(summons);
    try (settler;
        heartbeat;
        rescuer;
        listening) {
      recover();
      directories.prepare();
      Optional<End> end = Optional.empty();
      while (end.isEmpty() && !drain.begun()) {
        end = turn();
      }
      outage.over(PARTY);
      awaitSlots();
      if (conditions.jdkReplaced()) {
        return End.REPLACED;
      }
      if (restart) {
        return End.RESTART;
      }
      return settler.unsettled() > 0 ? End.UNSETTLED : end.orElse(End.STOPPED);
    } finally {
      executor.shutdown();
      directories.deleteUnused();
    }
  }

  /** In a slot, so that a stop can be as patient with it as with a run. */
  private void recover() throws InterruptedException {
    slots.occupy(
        () -> {
          try {
            recovery.run(loopPlan.predecessor());
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        });
    while (!slots.idle() && !drain.begun()) {
      await(UNTIL_WOKEN);
    }
  }

  private void drainChanged() {
    if (drain.stage() == Drain.Stage.INTERRUPTING) {
      runs.interrupt();
    }
    heartbeat.hurry();
    wakeUp.signal();
  }

  private void awaitSlots() throws InterruptedException {
    while (!slots.idle() && drain.stage() == Drain.Stage.PATIENT) {
      await(UNTIL_WOKEN);
    }
    long endNanos = System.nanoTime() + loopPlan.drainTimeout().toNanos();
    while (!slots.idle()) {
      Duration left = Duration.ofNanos(endNanos - System.nanoTime());
      if (left.isNegative()) {
        drain.interrupt("drain timeout");
        left = UNTIL_WOKEN;
      }
      await(left);
    }
  }

  /** Waits for a signal, and turns often enough meanwhile for the service manager to hear of it. */
  private void await(Duration atMost) throws InterruptedException {
    long endNanos = System.nanoTime() + atMost.toNanos();
    boolean over = false;
    while (!over) {
      tellSigns();
      Duration left = Duration.ofNanos(endNanos - System.nanoTime());
      Duration longest = signs.longestWait();
      over = left.compareTo(longest) <= 0;
      over |= wakeUp.await(over ? left : longest);
    }
  }

  private void tellSigns() {
    signs.turned(() -> StatusLine.of(state(), atWork.running(), outage.lasts()));
    if (drain.stage().compareTo(Drain.Stage.DRAINING) >= 0) {
      signs.stopping();
    }
  }

  /** One turn: claims, or waits until that may be worth another try. */
  private Optional<End> turn() throws InterruptedException {
    tellSigns();
    if (!slots.free()) {
      heartbeat.tellFreeSlots();
      await(UNTIL_WOKEN);
      return Optional.empty();
    }
    if (conditions.lookAtJdk()) {
      return Optional.empty();
    }
    if (conditions.lookAtJar()) {
      return endAfterRuns();
    }
    if (conditions.paused()) {
      if (loopPlan.exitWhenIdle() && slots.idle()) {
        return Optional.of(End.CANNOT_START);
      }
      heartbeat.tellFreeSlots();
      await(conditions.pauseLeft().orElse(Duration.ZERO));
      return Optional.empty();
    }
    if (heartbeat.late()) {
      await(UNTIL_BEAT);
      return Optional.empty();
    }
    try {
      claims.giveUnansweredBack();
      ClaimResult look = claims.look(this::begin);
      outage.over(PARTY);
      if (look.claim().isPresent()) {
        return Optional.empty();
      }
      Duration wait = rest.next(look.idle());
      if (loopPlan.exitWhenIdle() && slots.idle()) {
        return Optional.of(End.IDLE);
      }
      heartbeat.tellFreeSlots();
      await(wait);
    } catch (StoreException e) {
      await(outage.failed(PARTY, e));
    }
    return Optional.empty();
  }

  private void begin(Held held) {
    rest.over();
    slots.occupy(() -> see(held));
  }

  /** Sees a claim through, and what its slot claims as it settles. */
  private void see(Held first) {
    Optional<Held> next = Optional.of(first);
    while (next.isPresent()) {
      next = seeOne(next.get());
    }
  }

  private Optional<Held> seeOne(Held held) {
    try {
      long sinceNanos = System.nanoTime();
      AttemptRunner.Seen seen = attempts.run(held, () -> conditions.started(sinceNanos));
      seen.cause().ifPresent(conditions::failed);
      return seen.next();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    } finally {
      atWork.ended(held.claim());
    }
  }

  /** Whether a slot that settles may go on with the next issue. */
  private boolean mayGoOn() {
    return !drain.begun() && !heartbeat.late() && conditions.good();
  }

  private Optional<End> endAfterRuns() throws InterruptedException {
    if (slots.idle()) {
      return Optional.of(End.REPLACED);
    }
    await(UNTIL_WOKEN);
    return Optional.empty();
  }

  private void called(HeartbeatReply roll) {
    fleet.update(roll);
    // The last word of those who ask counts, but not against a signal.
    if (roll.drainRequested() && drain.stage().compareTo(Drain.Stage.PATIENT) <= 0) {
      restart = roll.restart();
      drain.beginPatiently(restart ? "drain requested, for a restart" : "drain requested");
    }
  }

  private WorkerStatus presence() {
    WorkerState state = state();
    boolean claims =
        !conditions.jarOverwritten() && (state == WorkerState.IDLE || state == WorkerState.WORKING);
    return new WorkerStatus(state, listening.up(), claims ? slots.freeCount() : 0);
  }

  private WorkerState state() {
    if (drain.begun()) {
      return WorkerState.DRAINING;
    }
    if (!slots.idle()) {
      return WorkerState.WORKING;
    }
    return rest.paused() || conditions.pauseLeft().isPresent()
        ? WorkerState.PAUSED
        : WorkerState.IDLE;
  }
}
