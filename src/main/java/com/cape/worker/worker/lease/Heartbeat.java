package com.cape.worker.worker.lease;

import com.cape.worker.host.WorkerThread;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.store.queue.WorkerRepository.HeartbeatReply;
import com.cape.worker.store.queue.WorkerRepository.LeaseReply;
import com.cape.worker.store.queue.WorkerStatus;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.Attempts;
import com.cape.worker.worker.state.BeatClock;
import com.cape.worker.worker.state.DatabaseAvailability;
import com.cape.worker.worker.state.LeaseTimes;
import com.cape.worker.worker.state.LifeSigns;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.Stores;
import com.cape.worker.worker.state.WorkerListener.Write;
import com.cape.worker.worker.wakeup.WakeUp;
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
 * Extends the leases of all attempts every tenth of the lease and reports that the worker is alive;
 * stops a run that is no longer this worker's. Has a thread of its own, and connections that no
 * other statement waits for. The worker closes it last.
 */
public final class Heartbeat implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);
  private static final String WHO = "heartbeat";
  private static final Duration SOON = Duration.ofSeconds(3);

  /** What the heartbeat reports, and who gets the reply. */
  public record Reporting(Supplier<WorkerStatus> status, Consumer<HeartbeatReply> onReply) {}

  private final WorkerIdentity worker;
  private final Stores stores;
  private final Attempts attempts;
  private final Reporting reporting;
  private final LeaseTimes times;
  private final Signals signals;
  private final Listeners listeners;
  private final Thread thread = WorkerThread.named(WHO, this::work);
  private volatile boolean closed;
  private volatile WorkerStatus reported = WorkerStatus.STOPPED;
  private boolean registered = true;

  /** What wakes the heartbeat, and where it notes how it went. */
  public record Signals(
      WakeUp wakeUp, DatabaseAvailability database, BeatClock clock, LifeSigns signs) {}

  public Heartbeat(
      WorkerIdentity worker,
      Stores stores,
      Attempts attempts,
      Reporting reporting,
      LeaseTimes times,
      Signals signals,
      Listeners listeners) {
    this.worker = worker;
    this.stores = stores;
    this.attempts = attempts;
    this.reporting = reporting;
    this.times = times;
    this.signals = signals;
    this.listeners = listeners;
  }

  public void start() {
    signals.signs().heartbeatTurned();
    thread.start();
  }

  /**
   * Beats soon where the other workers count on a slot that is busy, or on none where one is free.
   */
  public void reportFreeSlots() {
    WorkerStatus now = reporting.status().get();
    if (now.listenerUp() && now.freeSlots() > 0 != reported.freeSlots() > 0) {
      signals.wakeUp().signalAfter(SOON);
    }
  }

  /** One beat: all leases in one statement, then the registration, which no run depends on. */
  public void beat() {
    extendLeases();
    WorkerStatus now = reporting.status().get();
    Optional<HeartbeatReply> reply = stores.workers().heartbeat(worker, now, times.lease());
    reported = now;
    if (registered && reply.isEmpty()) {
      LOG.error("another process has registered under this worker's id");
    }
    registered = reply.isPresent();
    reply.ifPresent(reporting.onReply());
  }

  private void extendLeases() {
    List<Attempt> held = attempts.held();
    if (held.isEmpty()) {
      return;
    }
    Duration sent = LeaseClock.now();
    List<UUID> runIds = held.stream().map(Attempt::runId).toList();
    Map<UUID, LeaseReply> extended =
        stores.workers().extendLeases(worker.instance(), runIds, times.lease()).stream()
            .collect(Collectors.toMap(LeaseReply::runId, Function.identity()));
    held.forEach(
        attempt -> apply(attempt, Optional.ofNullable(extended.get(attempt.runId())), sent));
  }

  private void apply(Attempt attempt, Optional<LeaseReply> reply, Duration sent) {
    if (reply.isEmpty()) {
      if (attempt.stop(StopReason.LEASE_LOST)) {
        LOG.warn("lease lost, stopping the run issue={}", attempt.claim().issueId());
        listeners.announce(listener -> listener.fenced(Write.HEARTBEAT));
      }
      return;
    }
    if (reply.get().extended()) {
      Duration age = attempt.renew(sent, times.deadline(sent));
      listeners.announce(listener -> listener.leaseExtended(times.lease().minus(age)));
    }
    boolean unwanted = reply.get().cancelRequested() || reply.get().issueDeleted();
    if (unwanted && attempt.stop(StopReason.CANCELLED)) {
      LOG.warn("issue cancelled or deleted, stopping the run issue={}", attempt.claim().issueId());
    }
  }

  /** One more beat for a worker that leaves; waits for one that is on its way. */
  public void beatOnce() {
    close();
    beatSafely();
  }

  private void work() {
    try {
      while (!closed) {
        Duration next = beatSafely();
        signals.signs().heartbeatTurned();
        signals.wakeUp().await(next);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Returns how long to wait until the next beat. */
  private Duration beatSafely() {
    try {
      beat();
      signals.clock().succeeded();
      signals.database().answered(WHO);
      return times.period();
    } catch (StoreException e) {
      Duration retry = signals.database().failed(WHO, e);
      return retry.compareTo(times.period()) < 0 ? retry : times.period();
    } catch (RuntimeException | OutOfMemoryError e) { // The pool may lack a thread.
      LOG.error("heartbeat failed", e);
      return times.period();
    }
  }

  @Override
  public void close() {
    closed = true;
    signals.wakeUp().signal();
    WorkerThread.join(thread);
  }
}
