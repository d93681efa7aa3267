package com.cape.worker.run;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run and the guardian that it occupies. The guardian ends it; where that is killed or frozen,
 * this class does.
 */
final class GuardedRun implements CommandRunner.Run {
  private static final Logger LOG = LoggerFactory.getLogger(GuardedRun.class);
  // How much longer than the grace a guardian may take before its run is killed from here, which is
  // less than what a worker keeps back of the lease; and before it is given up itself.
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final Duration LAST_PATIENCE = Duration.ofSeconds(8);
  // A guardian that is frozen reads nothing.
  private static final Duration LONGEST_START = Duration.ofSeconds(20);
  private static final int MOST_TRIES_TO_END = 30;
  private static final Duration BETWEEN_TRIES = Duration.ofSeconds(2);

  private final RunSpec spec;
  private final RunDirectory files;
  private final GuardianScript script;
  private final Guardian guardian;
  private final long number;
  private final Rounds rounds;
  private final Consumer<Guardian> release;
  private final Runnable onBegun;
  private final long startedNanos = System.nanoTime();
  private final AtomicReference<StopReason> stopReason = new AtomicReference<>();
  private final AtomicReference<Long> endingSinceNanos = new AtomicReference<>();
  private final Runnable looking = this::look;
  private volatile boolean over;
  private final AtomicBoolean begunTold = new AtomicBoolean();
  private boolean seenToBegin;
  private boolean killed;

  /**
   * A run that the guardian was told to begin.
   *
   * @param number the guardian's own for this run
   * @param rounds look from now on whether the run has to be ended, until it is over
   * @param release takes the guardian back once it can begin another run
   * @param onBegun called, once, soon after the command was started, or at its end; by the thread
   *     of the rounds or the one that waits for the end
   */
  GuardedRun(
      RunSpec spec,
      GuardianScript script,
      Guardian guardian,
      long number,
      Rounds rounds,
      Consumer<Guardian> release,
      Runnable onBegun) {
    this.spec = spec;
    this.files = new RunDirectory(spec.folder().path());
    this.script = script;
    this.guardian = guardian;
    this.number = number;
    this.rounds = rounds;
    this.release = release;
    this.onBegun = onBegun;
    rounds.add(looking);
  }

  @Override
  public Ending await() throws InterruptedException {
    Guardian.Told told = guardian.await(number);
    over = true;
    rounds.remove(looking);
    if (told.begun()) {
      tellBegun();
    }
    List<String> survivors = told.report().survivors();
    if (told.over() && guardian.send("over " + number)) {
      if (survivors.isEmpty()) {
        release.accept(guardian);
      } else {
        // What could not be ended would be taken for the next run's.
        guardian.close();
      }
    } else {
      survivors = endWithoutGuardian();
      guardian.close();
    }
    limitOutput();
    int outlived = Math.max(0, told.report().outlived() - survivors.size());
    return new Ending(told.report().exitCode(), reason(told), ran(), outlived, survivors);
  }

  private void tellBegun() {
    if (begunTold.compareAndSet(false, true)) {
      onBegun.run();
    }
  }

  private Optional<StopReason> reason(Guardian.Told told) {
    Optional<StopReason> asked = Optional.ofNullable(stopReason.get());
    if (asked.isEmpty() && told.begun() && told.report().exitCode().equals(OptionalInt.of(0))) {
      return Optional.empty();
    }
    Optional<StopReason> why =
        recorded(told.report()).stopReason(asked).filter(due -> due != StopReason.WORKER_DIED);
    return neverBegan(told) ? why.or(() -> Optional.of(StopReason.NOT_STARTED)) : why;
  }

  /** The guardian tells of the beginning with the end, if it lives to tell. */
  private boolean neverBegan(Guardian.Told told) {
    boolean lost = !told.over() && told.report().exitCode().isEmpty();
    return told.unforked() || (!told.begun() && !(lost && !files.recordIsUntouched()));
  }

  /** What the run's record says, which knows why the guardian ended the run; it may be missing. */
  private Report recorded(Report told) {
    try {
      Report recorded = files.record();
      return recorded.exitCode().equals(told.exitCode()) ? recorded : told;
    } catch (IOException e) {
      return told;
    }
  }

  /** For a guardian that was killed: what it guarded must not outlive it. */
  private List<String> endWithoutGuardian() throws InterruptedException {
    for (int tries = 1; ; tries++) {
      try {
        return script.end(spec.folder().path(), spec.runId(), spec.grace()).survivors();
      } catch (IOException | OutOfMemoryError e) { // No thread for its reaper.
        LOG.error("cannot end a run without its guardian run={}", spec.runId(), e);
        if (tries == MOST_TRIES_TO_END) {
          return List.of("perhaps all of them: no process can be started that would end them");
        }
        Thread.sleep(BETWEEN_TRIES.toMillis());
      }
    }
  }

  @Override
  public boolean stop(StopReason reason) {
    if (over || !stopReason.compareAndSet(null, reason)) {
      return false;
    }
    try {
      files.noteStop(reason);
    } catch (IOException e) {
      LOG.warn("cannot note why a run is stopped cause={}", e.toString());
    }
    endingSinceNanos.compareAndSet(null, System.nanoTime());
    if (!guardian.send("stop " + number)) {
      beginToEnd(spec.grace());
    }
    return true;
  }

  @Override
  public void extend(Duration deadline) {
    boolean told = guardian.send("until %d %d".formatted(number, deadline.toSeconds()));
    if (!told && !over && endingSinceNanos.compareAndSet(null, System.nanoTime())) {
      LOG.warn("a run's guardian was killed; ending the run run={}", spec.runId());
      beginToEnd(spec.grace());
    }
  }

  private void look() {
    try {
      if (ran().compareTo(spec.timeout()) >= 0) {
        stop(StopReason.TIMEOUT);
      }
      insist();
      lookForTheStart();
      limitOutput();
    } catch (RuntimeException | OutOfMemoryError e) { // No thread for a process's reaper.
      LOG.error("cannot look after a run run={}", spec.runId(), e);
    }
  }

  private void lookForTheStart() {
    if (over || begunTold.get()) {
      return;
    }
    if (seenToBegin) {
      tellBegun();
    } else if (!files.recordIsUntouched()) {
      // What then turns out not to have been started is over before the next look.
      seenToBegin = true;
    } else if (ran().compareTo(LONGEST_START) > 0) {
      LOG.error("a guardian does not begin its run; giving it up run={}", spec.runId());
      guardian.kill();
    }
  }

  /** Ends what a guardian that is killed or frozen does not end. */
  private void insist() {
    Long since = endingSinceNanos.get();
    if (since == null || over) {
      return;
    }
    Duration ending = Duration.ofNanos(System.nanoTime() - since).minus(spec.grace());
    if (!killed && ending.compareTo(PATIENCE) > 0) {
      killed = true;
      LOG.warn("a run's guardian is late; killing the run run={}", spec.runId());
      beginToEnd(Duration.ZERO);
    }
    if (ending.compareTo(LAST_PATIENCE) > 0) {
      guardian.kill();
    }
  }

  private void beginToEnd(Duration grace) {
    try {
      script.beginToEnd(spec.folder().path(), spec.runId(), grace);
    } catch (IOException | OutOfMemoryError e) { // No thread for its reaper.
      LOG.error("cannot end a run without its guardian run={}", spec.runId(), e);
    }
  }

  /** Stops a run that has printed too much, and keeps the disk from filling until it is gone. */
  private void limitOutput() {
    if (spec.output().path().toFile().length() <= spec.outputLimitBytes()) {
      return;
    }
    stop(StopReason.OUTPUT_LIMIT);
    try (FileChannel output = FileChannel.open(spec.output().path(), StandardOpenOption.WRITE)) {
      output.truncate(spec.outputLimitBytes());
    } catch (IOException e) {
      LOG.warn("cannot cut a run's output run={} cause={}", spec.runId(), e.toString());
    }
  }

  private Duration ran() {
    return Duration.ofNanos(System.nanoTime() - startedNanos);
  }
}
