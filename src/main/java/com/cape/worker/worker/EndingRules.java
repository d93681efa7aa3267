package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.process.Ending;
import com.cape.worker.process.OutputTail;
import com.cape.worker.process.StopReason;
import com.cape.worker.store.Settlement;
import java.time.Duration;
import java.util.Optional;
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
   * Decides.
   *
   * @param throttledBefore how many of the issue's last attempts in a row were throttled
   */
  Settlement settle(Claim claim, Ending ending, int throttledBefore, String outputTail) {
    Optional<Integer> exit =
        ending.exitCode().isPresent()
            ? Optional.of(ending.exitCode().getAsInt())
            : Optional.empty();
    Outcome outcome = outcome(exit, ending.stopReason());
    return switch (outcome) {
      case COMPLETED -> ended(claim, outcome, IssueStatus.COMPLETED, ending, exit, outputTail);
      case CANCELLED -> ended(claim, outcome, IssueStatus.CANCELLED, ending, exit, outputTail);
      case INTERRUPTED, NOT_STARTED ->
          again(claim, outcome, Optional.empty(), false, ending, exit, outputTail);
      case THROTTLED ->
          throttledBefore < THROTTLES_BEFORE_COUNTING
              ? again(claim, outcome, Optional.of(THROTTLE), false, ending, exit, outputTail)
              : counted(claim, outcome, Optional.of(THROTTLE), ending, exit, outputTail);
      case FAILED ->
          exit.equals(Optional.of(DATA_ERROR))
              ? ended(claim, outcome, IssueStatus.FAILED, ending, exit, outputTail)
              : counted(claim, outcome, Optional.empty(), ending, exit, outputTail);
      case TIMED_OUT, OUTPUT_LIMIT, LOST ->
          counted(claim, outcome, Optional.empty(), ending, exit, outputTail);
      case RUNNING -> throw new IllegalStateException("an ended run is not running");
    };
  }

  /** For a run that could not be started: nothing that the issue could help. */
  static Settlement notStarted(Claim claim, String cause) {
    return new Settlement(
        Outcome.NOT_STARTED,
        IssueStatus.PENDING,
        Optional.empty(),
        false,
        Optional.empty(),
        Optional.empty(),
        Optional.of("attempt %d not_started: %s".formatted(claim.attempt(), cause)),
        "",
        Optional.empty());
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

  private Settlement counted(
      Claim claim,
      Outcome outcome,
      Optional<Duration> wait,
      Ending ending,
      Optional<Integer> exit,
      String tail) {
    Optional<Duration> backoff = retryPolicy.backoffAfter(claim.attempt(), random);
    return backoff.isEmpty()
        ? ended(claim, outcome, IssueStatus.FAILED, ending, exit, tail)
        : again(claim, outcome, wait.or(() -> backoff), true, ending, exit, tail);
  }

  private static Settlement ended(
      Claim claim,
      Outcome outcome,
      IssueStatus status,
      Ending ending,
      Optional<Integer> exit,
      String tail) {
    return new Settlement(
        outcome,
        status,
        Optional.empty(),
        true,
        exit,
        signal(exit),
        status == IssueStatus.COMPLETED
            ? Optional.empty()
            : Optional.of(error(claim, outcome, ending, exit, tail)),
        tail,
        Optional.empty());
  }

  private static Settlement again(
      Claim claim,
      Outcome outcome,
      Optional<Duration> wait,
      boolean counts,
      Ending ending,
      Optional<Integer> exit,
      String tail) {
    return new Settlement(
        outcome,
        IssueStatus.PENDING,
        wait,
        counts,
        exit,
        signal(exit),
        Optional.of(error(claim, outcome, ending, exit, tail)),
        tail,
        outcome == Outcome.THROTTLED && !counts ? wait : Optional.empty());
  }

  private static Optional<Integer> signal(Optional<Integer> exit) {
    return exit.filter(code -> code > SIGNAL_BASE && code <= SIGNAL_BASE + HIGHEST_SIGNAL)
        .map(code -> code - SIGNAL_BASE);
  }

  private static String error(
      Claim claim, Outcome outcome, Ending ending, Optional<Integer> exit, String tail) {
    String line =
        "attempt %d %s: %s after %d s"
            .formatted(
                claim.attempt(),
                outcome.word(),
                exit.map(code -> "exit " + code).orElse("no exit code"),
                ending.ran().toSeconds());
    int room = OutputTail.LIMIT_BYTES - line.length() - 1;
    return tail.isEmpty() ? line : line + "\n" + OutputTail.lastBytes(tail, room);
  }
}
