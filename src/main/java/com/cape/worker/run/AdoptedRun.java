package com.cape.worker.run;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run that an earlier process of the worker has started and its guardian has kept. The guardian
 * watches its deadline, timeout and output limit; this class gives it orders in the run's folder,
 * and ends the run if the guardian is frozen.
 */
public final class AdoptedRun implements CommandRunner.Run {
  private static final Logger LOG = LoggerFactory.getLogger(AdoptedRun.class);
  private static final Duration LOOK_INTERVAL = Duration.ofMillis(200);
  // Within the reserve that a worker keeps of the lease; the guardian looks twice a second.
  private static final Duration PATIENCE = Duration.ofMillis(1500);
  private static final Duration AFTER_A_KILL = Duration.ofSeconds(5);

  private final RunFolder folder;
  private final RunFolder.Kept kept;
  private final CommandRunner commands;
  private final AtomicReference<StopReason> stopReason = new AtomicReference<>();
  private volatile Duration latestEnd;

  AdoptedRun(RunFolder folder, RunFolder.Kept kept, CommandRunner commands) {
    this.folder = folder;
    this.kept = kept;
    this.commands = commands;
    this.latestEnd = kept.until().plus(kept.grace()).plus(PATIENCE);
  }

  /** Whether its guardian still watches over it. */
  public boolean isAlive() {
    return kept.guardian().get(0).isAlive();
  }

  @Override
  public Ending await() throws InterruptedException {
    // A workflow can write into its record, but not end its guardian unseen.
    while (isAlive()) {
      if (LeaseClock.now().compareTo(latestEnd) > 0) {
        LOG.warn("a run's guardian is late; killing both run={}", folder.runId());
        latestEnd = LeaseClock.now().plus(AFTER_A_KILL);
        try {
          commands.recover(folder, Duration.ZERO, whyEnded());
        } catch (IOException e) {
          LOG.error("cannot end a run without its guardian run={}", folder.runId(), e);
        }
        kept.guardian().forEach(ProcessStart::kill);
      }
      TimeUnit.MILLISECONDS.sleep(LOOK_INTERVAL.toMillis());
    }
    try {
      return commands
          .recover(folder, kept.grace(), whyEnded())
          .ranFor(LeaseClock.now().minus(kept.began()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The log of the run; empty when the workflow has deleted it. */
  public Optional<AttemptLog> log() {
    try {
      return Optional.of(AttemptLog.reopen(kept.output()));
    } catch (IOException e) {
      LOG.warn(
          "cannot open the log of an adopted run log={} cause={}", kept.output(), e.toString());
      return Optional.empty();
    }
  }

  private StopReason whyEnded() {
    return Optional.ofNullable(stopReason.get()).orElse(StopReason.WORKER_DIED);
  }

  @Override
  public boolean stop(StopReason reason) {
    if (!stopReason.compareAndSet(null, reason)) {
      return false;
    }
    latestEnd = LeaseClock.now().plus(kept.grace()).plus(PATIENCE);
    try {
      folder.orderStop(reason);
    } catch (IOException e) {
      LOG.warn("cannot order a guardian to end its run run={}", folder.runId(), e);
    }
    return true;
  }

  @Override
  public void extend(Duration deadline) {
    try {
      folder.extendLease(deadline);
    } catch (IOException e) {
      LOG.warn("cannot extend a run's deadline run={}", folder.runId(), e);
    }
  }
}
