package com.cape.worker.worker;

import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.StopReason;
import com.cape.worker.worker.WorkerListener.Write;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** The runs whose lease this worker holds, until they are settled. Safe for several threads. */
final class LiveRuns {
  private final Duration lease;
  private final Listeners listeners;
  private final Map<UUID, Live> runs = new ConcurrentHashMap<>();
  private volatile boolean interrupted;

  private record Live(CommandRunner.Run run, Duration renewed) {}

  /**
   * None yet.
   *
   * @param lease how long one holds
   */
  LiveRuns(Duration lease, Listeners listeners) {
    this.lease = lease;
    this.listeners = listeners;
  }

  /**
   * Takes a run in.
   *
   * @param claimed when the claim was about to be sent, on the {@link LeaseClock}
   */
  void add(UUID runId, CommandRunner.Run run, Duration claimed) {
    runs.put(runId, new Live(run, claimed));
    if (interrupted) {
      run.stop(StopReason.INTERRUPTED);
    }
  }

  void remove(UUID runId) {
    runs.remove(runId);
  }

  List<UUID> ids() {
    return List.copyOf(runs.keySet());
  }

  /**
   * Notes a heartbeat that succeeded, and hands the run its new deadline.
   *
   * @param sent when it was about to be sent, on the {@link LeaseClock}
   */
  void renewed(UUID runId, Duration sent, Duration deadline) {
    Live before = runs.get(runId);
    if (before == null) {
      return;
    }
    Duration left = lease.minus(LeaseClock.now().minus(before.renewed()));
    Live renewed = runs.computeIfPresent(runId, (id, live) -> new Live(live.run(), sent));
    if (renewed != null) {
      listeners.announce(listener -> listener.leaseExtended(left));
      renewed.run().extend(deadline);
    }
  }

  /**
   * Stops a run whose lease was found to be lost; false when it is not here or was stopped before.
   */
  boolean lost(UUID runId) {
    boolean stopped = stop(runId, StopReason.LEASE_LOST);
    if (stopped) {
      listeners.announce(listener -> listener.fenced(Write.HEARTBEAT));
    }
    return stopped;
  }

  /** Stops one run; false when it is not here or was stopped before. */
  boolean stop(UUID runId, StopReason reason) {
    Live live = runs.get(runId);
    return live != null && live.run().stop(reason);
  }

  /** Stops all, and whatever is added later. */
  void interrupt() {
    interrupted = true;
    runs.keySet().forEach(runId -> stop(runId, StopReason.INTERRUPTED));
  }

  /** The runs that were not renewed for so long. */
  List<UUID> notRenewedFor(Duration age) {
    Duration oldest = LeaseClock.now().minus(age);
    return runs.entrySet().stream()
        .filter(entry -> entry.getValue().renewed().compareTo(oldest) <= 0)
        .map(Map.Entry::getKey)
        .toList();
  }
}
