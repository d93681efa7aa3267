package com.cape.worker.worker;

import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.HeartbeatReply;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.LeaseReply;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.store.queue.WorkerRepository;
import com.cape.worker.store.queue.WorkerStatus;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Extends the leases of all live runs every tenth of the lease and tells that the worker is alive;
 * stops a run that is no longer this worker's, or that could not be renewed in time. Its two
 * threads share nothing with the loop but {@link LiveRuns}; the repositories have connections of
 * their own. The worker closes it after all that holds leases.
 */
final class Heartbeat implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);
  private static final String PARTY = "heartbeat";
  private static final Duration AGAIN = Duration.ofSeconds(1);
  private static final Duration SOON = Duration.ofSeconds(3);
  private static final Duration WATCH_INTERVAL = Duration.ofMillis(250);

  private final WorkerIdentity worker;
  private final IssueRepository issues;
  private final WorkerRepository workers;
  private final LiveRuns runs;
  private final Supplier<WorkerStatus> presence;
  private final Consumer<HeartbeatReply> onRoll;
  private final Outage outage;
  private final LeaseTimes times;
  private final LifeSigns signs;
  private final WakeUp wakeUp = new WakeUp();
  private final Thread beats = WorkerThread.named("heartbeat", this::beatOn);
  private final Thread watch = WorkerThread.named("lease-watch", this::watchOn);
  private volatile boolean closed;
  private volatile WorkerStatus told = WorkerStatus.STOPPED;
  private volatile long lastBeatNanos = System.nanoTime();
  private boolean late;
  private boolean registered = true;

  Heartbeat(
      WorkerIdentity worker,
      Stores stores,
      LiveRuns runs,
      Supplier<WorkerStatus> presence,
      Consumer<HeartbeatReply> onRoll,
      Outage outage,
      LeaseTimes times,
      LifeSigns signs) {
    this.worker = worker;
    this.issues = stores.leases();
    this.workers = stores.workers();
    this.runs = runs;
    this.presence = presence;
    this.onRoll = onRoll;
    this.outage = outage;
    this.times = times;
    this.signs = signs;
  }

  void start() {
    signs.heartbeatTurned();
    beats.start();
    watch.start();
  }

  /** Beats at once, and a second later for a run that was not yet known then. */
  void hurry() {
    wakeUp.signal();
    wakeUp.signalAfter(AGAIN);
  }

  /** Beats soon when the others go by a slot that is not free any more, or do not know of one. */
  void tellFreeSlots() {
    WorkerStatus now = presence.get();
    if (now.listenerUp() && now.freeSlots() > 0 != told.freeSlots() > 0) {
      wakeUp.signalAfter(SOON);
    }
  }

  /** Whether no beat got through for so long that a run begun now might soon be stopped. */
  synchronized boolean late() {
    boolean before = late;
    late = System.nanoTime() - lastBeatNanos > times.limit().toNanos();
    if (late && !before) {
      LOG.warn("no heartbeat gets through; claiming nothing until one does");
    }
    return late;
  }

  /** One beat: all runs in one statement, then the registration, which no run depends on. */
  void beat() {
    extendLeases();
    WorkerStatus now = presence.get();
    Optional<HeartbeatReply> roll = workers.heartbeat(worker, now, times.lease());
    told = now;
    if (registered && roll.isEmpty()) {
      LOG.error("another process has registered under this worker's id");
    }
    registered = roll.isPresent();
    roll.ifPresent(onRoll);
  }

  private void extendLeases() {
    List<UUID> live = runs.ids();
    if (live.isEmpty()) {
      return;
    }
    Duration sent = LeaseClock.now();
    Map<UUID, LeaseReply> held =
        issues.extendLeases(live, times.lease()).stream()
            .collect(Collectors.toMap(LeaseReply::runId, Function.identity()));
    for (UUID runId : live) {
      LeaseReply lease = held.get(runId);
      if (lease == null) {
        say(runs.lost(runId), runId, "lease lost, stopping the run");
        continue;
      }
      runs.renewed(runId, sent, times.deadline(sent));
      if (lease.cancelRequested() || lease.issueDeleted()) {
        boolean stopped = runs.stop(runId, StopReason.CANCELLED);
        say(stopped, runId, "issue cancelled or deleted, stopping the run");
      }
    }
  }

  /** Stops what could not be renewed in time. */
  void stopOverdue() {
    for (UUID runId : runs.notRenewedFor(times.limit())) {
      boolean stopped = runs.stop(runId, StopReason.LEASE_LOST);
      say(stopped, runId, "lease not renewed in time, stopping the run");
    }
  }

  private static void say(boolean stopped, UUID runId, String message) {
    if (stopped) {
      LOG.warn("{} run={}", message, runId);
    }
  }

  private void beatOn() {
    try {
      while (!closed) {
        Duration next = beatSafely();
        signs.heartbeatTurned();
        wakeUp.await(next);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Returns how long to wait until the next beat. */
  private Duration beatSafely() {
    try {
      beat();
      lastBeatNanos = System.nanoTime();
      outage.over(PARTY);
      return times.period();
    } catch (StoreException e) {
      Duration retry = outage.failed(PARTY, e);
      return retry.compareTo(times.period()) < 0 ? retry : times.period();
    } catch (RuntimeException | OutOfMemoryError e) { // The pool may lack a thread.
      LOG.error("heartbeat failed", e);
      return times.period();
    }
  }

  private void stopOverdueSafely() {
    try {
      stopOverdue();
    } catch (RuntimeException | OutOfMemoryError e) {
      // The guardians have their deadlines.
      LOG.error("cannot look for runs whose lease was not extended", e);
    }
  }

  private void watchOn() {
    try {
      while (!watch.isInterrupted()) {
        stopOverdueSafely();
        Thread.sleep(WATCH_INTERVAL.toMillis());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    closed = true;
    wakeUp.signal();
    watch.interrupt();
    try {
      beats.join();
      watch.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
