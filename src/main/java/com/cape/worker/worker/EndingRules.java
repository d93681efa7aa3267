package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.run.Ending;
import com.cape.worker.run.OutputTail;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.queue.ExpiredLease;
import com.cape.worker.store.queue.Settlement;
import java.time.Duration;
import java.util.Optional;
import java.util.function.IntSupplier;
import java.util.random.RandomGenerator;

/** What becomes of an issue when its run has ended. Knows no database and no process. */
final class EndingRules {
  private static final int DATA_ERROR = 65;
  private static final int TEMPORARY_FAILURE = 75;
  private static final int SIGNAL_BASE = 128;
  private static final int HIGHEST_SIGNAL = 64;
  private static final int THROTTLES_BEFORE_COUNTING = 2;
  private static final Duration THROTTLE = Duration.ofMinutes(15);

  private final RetryPolicy retryPolicy;
  private final RandomGenerator random;

  EndingRules(RetryPolicy retryPolicy, RandomGenerator random) {
    this.retryPolicy = retryPolicy;
    this.random = random;
  }

  /**
   * What becomes of the issue.
   *
   * @param backoff for a pending one; empty keeps its place in the queue
   * @param counted whether the attempt counts
   * @param fleetPause for how long no worker claims anything
   */
  private record Next(
      IssueStatus status,
      Optional<Duration> backoff,
      boolean counted,
      Optional<Duration> fleetPause) {
    private static final Next GIVEN_BACK =
        new Next(IssueStatus.PENDING, Optional.empty(), false, Optional.empty());
    private static final Next THROTTLED =
        new Next(IssueStatus.PENDING, Optional.of(THROTTLE), false, Optional.of(THROTTLE));

    private static Next ended(IssueStatus status) {
      return new Next(status, Optional.empty(), true, Optional.empty());
    }

    private static Next again(Duration backoff) {
      return new Next(IssueStatus.PENDING, Optional.of(backoff), true, Optional.empty());
    }
  }

  /**
   * Decides.
   *
   * @param throttledBefore how many of the issue's last attempts in a row were throttled; asked
   *     only when that matters
   */
  Settlement settle(Claim claim, Ending ending, IntSupplier throttledBefore, String outputTail) {
    Optional<Integer> exit =
        ending.exitCode().isPresent()
            ? Optional.of(ending.exitCode().getAsInt())
            : Optional.empty();
    Outcome outcome = outcome(exit, ending.stopReason());
    String line =
        "attempt %d %s: %s after %d s"
            .formatted(
                claim.attempt(),
                outcome.word(),
                exit.map(code -> "exit " + code).orElse("no exit code"),
                ending.ran().toSeconds());
    return settlement(
        outcome,
        next(outcome, exit, claim.attempt(), throttledBefore),
        exit,
        error(line, outputTail),
        outputTail);
  }

  /** For a run that could not be started: nothing that the issue could help. */
  static Settlement notStarted(Claim claim, String cause) {
    String line = "attempt %d not_started: %s".formatted(claim.attempt(), cause);
    return settlement(Outcome.NOT_STARTED, Next.GIVEN_BACK, Optional.empty(), line, "");
  }

  /** For an attempt whose worker did not extend its lease. */
  Settlement lost(ExpiredLease expired) {
    Claim claim = expired.claim();
    String line =
        "attempt %d lost: worker %s on %s did not extend its lease"
            .formatted(claim.attempt(), expired.worker(), expired.host());
    Next next = counted(claim.attempt(), Optional.empty());
    return settlement(Outcome.LOST, next, Optional.empty(), line, "");
  }

  private static Outcome outcome(Optional<Integer> exit, Optional<StopReason> reason) {
    if (reason.isPresent()) {
      boolean done = exit.equals(Optional.of(0));
      return switch (reason.get()) {
        case TIMEOUT -> Outcome.TIMED_OUT;
        case OUTPUT_LIMIT -> Outcome.OUTPUT_LIMIT;
        case INTERRUPTED -> Outcome.INTERRUPTED;
        case CANCELLED -> done ? Outcome.COMPLETED : Outcome.CANCELLED;
        case WORKER_DIED -> done ? Outcome.COMPLETED : Outcome.LOST;
        case LEASE_LOST -> done ? Outcome.COMPLETED : Outcome.INTERRUPTED;
        case NOT_STARTED -> Outcome.NOT_STARTED;
      };
    }
    return switch (exit.orElse(-1)) {
      case 0 -> Outcome.COMPLETED;
      case TEMPORARY_FAILURE -> Outcome.THROTTLED;
      default -> Outcome.FAILED;
    };
  }

  private Next next(
      Outcome outcome, Optional<Integer> exit, int attempt, IntSupplier throttledBefore) {
    return switch (outcome) {
      case COMPLETED -> Next.ended(IssueStatus.COMPLETED);
      case CANCELLED -> Next.ended(IssueStatus.CANCELLED);
      case INTERRUPTED, NOT_STARTED -> Next.GIVEN_BACK;
      case THROTTLED ->
          throttledBefore.getAsInt() < THROTTLES_BEFORE_COUNTING
              ? Next.THROTTLED
              : counted(attempt, Optional.of(THROTTLE));
      case FAILED ->
          exit.equals(Optional.of(DATA_ERROR))
              ? Next.ended(IssueStatus.FAILED)
              : counted(attempt, Optional.empty());
      case TIMED_OUT, OUTPUT_LIMIT, LOST -> counted(attempt, Optional.empty());
      case RUNNING -> throw new IllegalStateException("an ended run is not running");
    };
  }

  private Next counted(int attempt, Optional<Duration> wait) {
    return retryPolicy
        .backoffAfter(attempt, random)
        .map(backoff -> Next.again(wait.orElse(backoff)))
        .orElse(Next.ended(IssueStatus.FAILED));
  }

  private static Settlement settlement(
      Outcome outcome, Next next, Optional<Integer> exit, String error, String outputTail) {
    return new Settlement(
        outcome,
        next.status(),
        next.backoff(),
        next.counted(),
        exit,
        exit.flatMap(EndingRules::signal),
        outcome == Outcome.COMPLETED ? Optional.empty() : Optional.of(error),
        outputTail,
        next.fleetPause());
  }

  private static Optional<Integer> signal(int exit) {
    return Optional.of(exit - SIGNAL_BASE).filter(signal -> signal > 0 && signal <= HIGHEST_SIGNAL);
  }

  private static String error(String line, String outputTail) {
    int room = OutputTail.LIMIT_BYTES - line.length() - 1;
    return outputTail.isEmpty() ? line : line + "\n" + OutputTail.lastBytes(outputTail, room);
  }
}
