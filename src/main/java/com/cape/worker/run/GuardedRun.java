package com.cape.worker.run;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run and its guardian, which ends it. This class does so if the guardian is killed or frozen.
 */
final class GuardedRun implements CommandRunner.Run {
  private static final Logger LOG = LoggerFactory.getLogger(GuardedRun.class);
  private static final Duration LOOK_INTERVAL = Duration.ofMillis(200);
  // A guardian that is later than the grace and this counts as frozen: first its run is killed from
  // here, within the reserve that a worker keeps of the lease, then the guardian.
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final Duration LAST_PATIENCE = Duration.ofSeconds(8);
  private static final Duration MAX_START = Duration.ofSeconds(20);
  private static final int MAX_TRIES_TO_END = 30;
  private static final Duration BETWEEN_TRIES = Duration.ofSeconds(2);

  private final RunSpec spec;
  private final GuardianScript script;
  private final Guardian guardian;
  private final long number;
  private final Consumer<Guardian> release;
  private final Runnable onBegun;
  private final Future<?> watching;
  private final long startedNanos = System.nanoTime();
  private final AtomicReference<StopReason> stopReason = new AtomicReference<>();
  private final AtomicReference<Long> endingSinceNanos = new AtomicReference<>();
  private final AtomicBoolean begunAnnounced = new AtomicBoolean();
  private volatile boolean over;
  private boolean recordTouched;
  private boolean killed;

  /**
   * @param number the guardian's own for this run, which it has begun
   * @param watch looks after the run until it is over
   * @param release takes the guardian back once it can begin another run
   * @param onBegun called once by the watch, or by the thread that waits for the end
   */
  GuardedRun(
      RunSpec spec,
      GuardianScript script,
      Guardian guardian,
      long number,
      ScheduledExecutorService watch,
      Consumer<Guardian> release,
      Runnable onBegun) {
    this.spec = spec;
    this.script = script;
    this.guardian = guardian;
    this.number = number;
    this.release = release;
    this.onBegun = onBegun;
    long millis = LOOK_INTERVAL.toMillis();
    watching = watch.scheduleWithFixedDelay(this::look, millis, millis, TimeUnit.MILLISECONDS);
  }

  @Override
  public Ending await() throws InterruptedException {
    Guardian.Reported reported = guardian.await(number);
    over = true;
    watching.cancel(false);
    Report report = reported.report();
    // Asked before endWithoutGuardian() writes into the record.
    boolean begun = report.begun() || (!reported.over() && !spec.folder().recordIsUntouched());
    if (report.begun()) {
      announceBegun();
    }
    List<String> survivors = report.survivors();
    if (!reported.over()) {
      survivors = endWithoutGuardian();
      report = recorded(report);
      guardian.kill();
    }
    if (reported.over() && survivors.isEmpty() && guardian.watcherLives()) {
      release.accept(guardian);
    } else {
      // The next run would count a process that could not be ended as its own.
      guardian.close();
    }
    limitOutput();
    Optional<StopReason> reason = report.stopReason(Optional.ofNullable(stopReason.get()));
    if (report.exitCode().isEmpty()) {
      // This worker lives: it is the guardian that was killed.
      reason = reason.filter(why -> why != StopReason.WORKER_DIED);
    }
    if (!begun || report.notStarted() || reported.report().notStarted()) {
      reason = reason.or(() -> Optional.of(StopReason.NOT_STARTED));
    }
    int outlived = Math.max(0, report.outlived() - survivors.size());
    return new Ending(report.exitCode(), reason, ran(), outlived, survivors);
  }

  /** What the record says: the JDK closes the output of a watcher that was killed. */
  private Report recorded(Report reported) {
    try {
      return spec.folder().record();
    } catch (IOException e) {
      LOG.warn("cannot read a run's record run={} cause={}", spec.runId(), e.toString());
      return reported;
    }
  }

  private void announceBegun() {
    if (begunAnnounced.compareAndSet(false, true)) {
      onBegun.run();
    }
  }

  private List<String> endWithoutGuardian() throws InterruptedException {
    for (int tries = 1; ; tries++) {
      try {
        return script.end(spec.folder(), spec.grace(), whyEnded()).survivors();
      } catch (IOException | OutOfMemoryError e) { // No thread for its reaper.
        LOG.error("cannot end a run without its guardian run={}", spec.runId(), e);
        if (tries == MAX_TRIES_TO_END) {
          return List.of("perhaps all of them: no process can be started that would end them");
        }
        Thread.sleep(BETWEEN_TRIES.toMillis());
      }
    }
  }

  private StopReason whyEnded() {
    return Optional.ofNullable(stopReason.get()).orElse(StopReason.WORKER_DIED);
  }

  @Override
  public boolean stop(StopReason reason) {
    if (over || !stopReason.compareAndSet(null, reason)) {
      return false;
    }
    endingSinceNanos.compareAndSet(null, System.nanoTime());
    guardian.send("stop " + number + " " + reason.word());
    return true;
  }

  @Override
  public void extend(Duration deadline) {
    guardian.send("until %d %d".formatted(number, deadline.toSeconds()));
  }

  private void look() {
    try {
      if (ran().compareTo(spec.timeout()) >= 0) {
        stop(StopReason.TIMEOUT);
      }
      if (!over && !guardian.watcherLives()) {
        // The starter ends the run now, unless it is frozen.
        endingSinceNanos.compareAndSet(null, System.nanoTime());
      }
      insist();
      lookForTheStart();
      limitOutput();
    } catch (RuntimeException | Error e) { // The next look would be cancelled.
      LOG.error("cannot look after a run run={}", spec.runId(), e);
    }
  }

  private void lookForTheStart() {
    if (over || begunAnnounced.get()) {
      return;
    }
    if (recordTouched) {
      announceBegun();
    } else if (!spec.folder().recordIsUntouched()) {
      // A command that could not be started is over before the next look.
      recordTouched = true;
    } else if (ran().compareTo(MAX_START) > 0) {
      LOG.error("a guardian does not begin its run; giving it up run={}", spec.runId());
      guardian.kill();
    }
  }

  /** Ends the run of a guardian that was killed or is frozen. */
  private void insist() {
    Long since = endingSinceNanos.get();
    if (since == null || over) {
      return;
    }
    Duration ending = Duration.ofNanos(System.nanoTime() - since).minus(spec.grace());
    if (!killed && ending.compareTo(PATIENCE) > 0) {
      killed = true;
      LOG.warn("a run's guardian is late; killing the run run={}", spec.runId());
      try {
        script.beginToEnd(spec.folder(), Duration.ZERO, whyEnded());
      } catch (IOException e) {
        LOG.error("cannot end a run without its guardian run={}", spec.runId(), e);
      }
    }
    if (ending.compareTo(LAST_PATIENCE) > 0) {
      guardian.kill();
    }
  }

  /** Stops a run that has printed too much, and keeps the disk from filling until it is gone. */
  private void limitOutput() {
    try {
      if (spec.output().cut(spec.outputLimitBytes())) {
        stop(StopReason.OUTPUT_LIMIT);
      }
    } catch (IOException e) {
      LOG.warn("cannot limit a run's output run={} cause={}", spec.runId(), e.toString());
    }
  }

  private Duration ran() {
    return Duration.ofNanos(System.nanoTime() - startedNanos);
  }
}
