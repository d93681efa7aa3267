package com.cape.worker.worker;

import com.cape.worker.process.CommandRunner;
import com.cape.worker.process.StopReason;
import com.cape.worker.store.IssueRepository;
import com.cape.worker.store.StoreException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Extends the leases of all live runs every tenth of the lease, in a thread of its own; a run whose
 * lease is gone is stopped. Owned by the worker, which closes it last.
 */
final class Heartbeat implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);
  private static final int PER_LEASE = 10;

  private final IssueRepository issues;
  private final Duration lease;
  private final Map<UUID, CommandRunner.Run> runs = new ConcurrentHashMap<>();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "cape-heartbeat"));

  Heartbeat(IssueRepository issues, Duration lease) {
    this.issues = issues;
    this.lease = lease;
  }

  /** Begins to beat. */
  void start() {
    long period = lease.dividedBy(PER_LEASE).toMillis();
    timer.scheduleAtFixedRate(this::beat, period, period, TimeUnit.MILLISECONDS);
  }

  void add(UUID runId, CommandRunner.Run run) {
    runs.put(runId, run);
  }

  void remove(UUID runId) {
    runs.remove(runId);
  }

  /** One beat. Never throws: a timer stops for good at the first exception. */
  void beat() {
    List<UUID> live = List.copyOf(runs.keySet());
    if (live.isEmpty()) {
      return;
    }
    try {
      List<UUID> held = issues.extendLeases(live, lease);
      for (UUID runId : live) {
        CommandRunner.Run run = runs.get(runId);
        if (run != null && !held.contains(runId)) {
          LOG.warn("lease lost, stopping the run run={}", runId);
          run.stop(StopReason.LEASE_LOST);
        }
      }
    } catch (StoreException e) {
      LOG.debug("heartbeat failed", e);
    } catch (RuntimeException e) {
      LOG.error("heartbeat failed", e);
    }
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
