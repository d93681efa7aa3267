package com.cape.worker.worker.state;

import com.cape.worker.issue.Claim;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.StopReason;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

/**
 * One claimed issue, from the claim to the settle. The slot that claimed it moves it from state to
 * state; any thread may stop it or extend its lease.
 */
public final class Attempt {
  /** The last three are final. */
  public enum State {
    CLAIMED,
    RUNNING,
    STOPPING,
    ENDED,
    /** The outcome was written. */
    SETTLED,
    /** Not started, and the issue is pending again. */
    GIVEN_BACK,
    /** Another worker owns the issue, or the database never took the result. */
    LOST
  }

  private final Claim claim;
  private final long sinceNanos = System.nanoTime();
  private State state = State.CLAIMED;
  private Duration renewed;
  private Optional<StopReason> stopAsked = Optional.empty();
  private Optional<CommandRunner.Run> run = Optional.empty();

  /**
   * @param sent when the claim was about to be sent, on the {@link LeaseClock}; the lease holds at
   *     least from then on
   */
  public Attempt(Claim claim, Duration sent) {
    this.claim = claim;
    this.renewed = sent;
  }

  public Claim claim() {
    return claim;
  }

  public UUID runId() {
    return claim.runId();
  }

  public synchronized State state() {
    return state;
  }

  /** When the lease was last extended, on the {@link LeaseClock}. */
  public synchronized Duration renewed() {
    return renewed;
  }

  /** How long this worker has had it. */
  public Duration age() {
    return Duration.ofNanos(System.nanoTime() - sinceNanos);
  }

  /** Why it is to be stopped; a claim that is to be stopped need not be started. */
  public synchronized Optional<StopReason> stopAsked() {
    return stopAsked;
  }

  /** The command was started. A stop that was asked for meanwhile reaches it now. */
  public synchronized void running(CommandRunner.Run started) {
    run = Optional.of(started);
    state = State.RUNNING;
    stopAsked.ifPresent(this::stopRun);
  }

  /**
   * Stops the run, or has it stopped once it is started.
   *
   * @return false when it has ended, or was stopped before: the first reason stands
   */
  public synchronized boolean stop(StopReason reason) {
    if (stopAsked.isPresent() || state.compareTo(State.ENDED) >= 0) {
      return false;
    }
    boolean stopped = run.isEmpty() || stopRun(reason);
    stopAsked = Optional.of(reason);
    return stopped;
  }

  private boolean stopRun(StopReason reason) {
    boolean stopped = run.orElseThrow().stop(reason);
    state = State.STOPPING;
    return stopped;
  }

  /**
   * A heartbeat succeeded.
   *
   * @param sent when it was about to be sent, on the {@link LeaseClock}
   * @param deadline of the run from now on, on the same clock
   * @return how old the lease was by then
   */
  public synchronized Duration renew(Duration sent, Duration deadline) {
    Duration age = LeaseClock.now().minus(renewed);
    renewed = sent;
    if (state.compareTo(State.ENDED) < 0) {
      run.ifPresent(live -> live.extend(deadline));
    }
    return age;
  }

  /** Nothing of the run is alive. */
  public synchronized void ended() {
    state = State.ENDED;
  }

  /** Reaches one of the final states. */
  public synchronized void close(State last) {
    if (last.compareTo(State.SETTLED) < 0) {
      throw new IllegalArgumentException(last + " is no final state");
    }
    state = last;
  }
}
