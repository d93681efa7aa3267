package com.cape.worker.worker;

import static java.util.Objects.requireNonNull;

import com.cape.worker.host.CommandCheck;
import com.cape.worker.host.OwnProgram;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.worker.state.BeatClock;
import com.cape.worker.worker.state.Drain;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.WorkerListener.PauseReason;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The reasons not to claim, in order. The slots ask before each claim, others at any time. Safe for
 * use by several threads.
 */
public final class ClaimGate {
  private static final Logger LOG = LoggerFactory.getLogger(ClaimGate.class);
  private static final Duration FIRST_REST = Duration.ofSeconds(15);
  private static final Duration LONGEST_REST = Duration.ofMinutes(15);
  private static final Duration UNTIL_WOKEN = Duration.ofHours(1);
  private static final Duration UNTIL_BEAT = Duration.ofSeconds(1);

  /** Why nothing is claimed. The first one that holds counts. */
  public enum Reason {
    DRAINING,
    /** The JDK or the JAR: another process of this worker can go on. */
    PROGRAM_REPLACED,
    HEARTBEAT_LATE,
    COMMAND_MISSING,
    /** After a run that could not be started. */
    HOST_RESTING,
    /** This reason and those below come from the last answer of the database. */
    DATABASE_UNAVAILABLE,
    CLAIM_REFUSED,
    /** By a person, or because of how runs ended. */
    PAUSED,
    NOTHING_DUE
  }

  /**
   * Why nothing is claimed.
   *
   * @param text for people
   * @param again when to ask again, unless somebody wakes the slot earlier
   */
  public record Hold(Reason reason, String text, Duration again) {}

  private final Drain drain;
  private final CommandCheck check;
  private final CommandRunner commands;
  private final BeatClock beats;
  private final Listeners listeners;
  private volatile Optional<Hold> answer = Optional.empty();
  private volatile boolean replaced;
  private Duration nextRest = FIRST_REST;
  private volatile String restCause = "";
  private long failedNanos;
  private long restUntilNanos;
  private boolean resting;
  private boolean failed;

  /**
   * @param check of the command
   */
  public ClaimGate(
      Drain drain,
      CommandCheck check,
      CommandRunner commands,
      BeatClock beats,
      Listeners listeners) {
    this.drain = requireNonNull(drain);
    this.check = requireNonNull(check);
    this.commands = requireNonNull(commands);
    this.beats = requireNonNull(beats);
    this.listeners = requireNonNull(listeners);
  }

  BeatClock beats() {
    return beats;
  }

  /** What holds now, the last answer of the database included; changes nothing. */
  public Optional<Hold> current() {
    return local().or(() -> answer);
  }

  /**
   * Why a slot may not ask the database for an issue now. Begins the rest or the drain that
   * follows.
   */
  Optional<Hold> hold() {
    Optional<Hold> found = local();
    if (restLeft().isEmpty()) {
      endRest();
    }
    found.ifPresent(this::beginRestOrDrain);
    return found;
  }

  private Optional<Hold> local() {
    if (drain.begun()) {
      return hold(Reason.DRAINING, "draining", UNTIL_WOKEN);
    }
    if (OwnProgram.jdkReplaced()) {
      return hold(Reason.PROGRAM_REPLACED, "the JDK was replaced under this process", UNTIL_WOKEN);
    }
    if (OwnProgram.jarOverwritten()) {
      return hold(
          Reason.PROGRAM_REPLACED, "the JAR was overwritten under this process", UNTIL_WOKEN);
    }
    if (beats.late()) {
      return hold(Reason.HEARTBEAT_LATE, "no heartbeat succeeds", UNTIL_BEAT);
    }
    Optional<Duration> rest = restLeft();
    Optional<String> trouble = check.trouble().or(commands::trouble);
    if (trouble.isPresent()) {
      return hold(Reason.COMMAND_MISSING, trouble.get(), rest.orElse(FIRST_REST));
    }
    return rest.flatMap(
        left -> hold(Reason.HOST_RESTING, "cannot start the command: " + restCause, left));
  }

  private static Optional<Hold> hold(Reason reason, String text, Duration wait) {
    return Optional.of(new Hold(reason, text, wait));
  }

  private void beginRestOrDrain(Hold found) {
    if (found.reason() == Reason.COMMAND_MISSING) {
      startFailed(found.text());
    }
    if (found.reason() != Reason.PROGRAM_REPLACED || replaced) {
      return;
    }
    replaced = true;
    if (OwnProgram.jarOverwritten()) {
      // Uses no class that was not used before, which the JAR may lack: a drain would.
      LOG.error("{}; no more claims, the worker ends after its runs", found.text());
    } else {
      drain.beginPatiently(found.text());
    }
  }

  /** Whether a slot has met {@link Reason#PROGRAM_REPLACED}. */
  boolean programReplaced() {
    return replaced;
  }

  /** What the database has answered to the last claim; empty when an issue was claimed. */
  void answered(Optional<Hold> hold) {
    boolean before = isPaused(answer);
    answer = hold;
    boolean now = isPaused(hold);
    if (now && !before) {
      LOG.warn(
          "paused: no claims for_s={} reason={}",
          hold.get().again().toSeconds(),
          hold.get().text());
      listeners.announce(listener -> listener.paused(PauseReason.REQUESTED));
    }
    if (before && !now) {
      LOG.info("pause over");
      listeners.announce(listener -> listener.resumed(PauseReason.REQUESTED));
    }
  }

  private static boolean isPaused(Optional<Hold> hold) {
    return hold.isPresent() && hold.get().reason() == Reason.PAUSED;
  }

  /**
   * A command could not be started: this worker rests, twice as long each time, until one starts.
   */
  synchronized void startFailed(String cause) {
    if (OwnProgram.jdkReplaced() || restLeft().isPresent()) {
      return;
    }
    restCause = cause;
    failedNanos = System.nanoTime();
    restUntilNanos = failedNanos + nextRest.toNanos();
    resting = true;
    failed = true;
    LOG.error("cannot start the command; no claims for_s={} cause={}", nextRest.toSeconds(), cause);
    listeners.announce(listener -> listener.paused(PauseReason.START));
    Duration twice = nextRest.multipliedBy(2);
    nextRest = twice.compareTo(LONGEST_REST) < 0 ? twice : LONGEST_REST;
  }

  /**
   * A command was started.
   *
   * @param sinceNanos when its start began: one before the last failure says nothing of the next
   */
  synchronized void started(long sinceNanos) {
    if (!failed || failedNanos - sinceNanos > 0) {
      return;
    }
    LOG.info("the command can be started again");
    failed = false;
    nextRest = FIRST_REST;
    endRest();
  }

  private synchronized Optional<Duration> restLeft() {
    Duration left = Duration.ofNanos(restUntilNanos - System.nanoTime());
    return Optional.of(left).filter(any -> resting && !left.isNegative());
  }

  private synchronized void endRest() {
    if (resting) {
      resting = false;
      listeners.announce(listener -> listener.resumed(PauseReason.START));
    }
  }
}
