package com.cape.worker.worker;

import com.cape.worker.process.CommandRunner;
import com.cape.worker.process.StopReason;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;

/** The runs whose lease this worker holds, until they are settled. Safe for several threads. */
final class LiveRuns {
  private final Map<UUID, Live> runs = new ConcurrentHashMap<>();
  private volatile boolean interrupted;

  private record Live(CommandRunner.Run run, long renewedNanos) {}

  /**
   * Takes a run in.
   *
   * @param claimedNanos {@link System#nanoTime} of before the claim was sent
   */
  void add(UUID runId, CommandRunner.Run run, long claimedNanos) {
    runs.put(runId, new Live(run, claimedNanos));
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
   * Notes a heartbeat that succeeded.
   *
   * @param sentNanos {@link System#nanoTime} of before it was sent
   */
  void renewed(UUID runId, long sentNanos) {
    runs.computeIfPresent(runId, (id, live) -> new Live(live.run(), sentNanos));
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
    long now = System.nanoTime();
    return runs.entrySet().stream()
        .filter(entry -> now - entry.getValue().renewedNanos() >= age.toNanos())
        .map(Map.Entry::getKey)
        .toList();
  }
}
