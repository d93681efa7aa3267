package com.cape.worker.worker.state;

import com.cape.worker.ending.EndingClass;
import com.cape.worker.ending.Verdict;
import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.Pacing;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.run.Ending;
import com.cape.worker.run.OutputTail;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.pause.PauseOrder;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.store.queue.ExpiredLease;
import com.cape.worker.store.queue.IssueRepository.Streak;
import com.cape.worker.store.queue.Settlement;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.random.RandomGenerator;

/** What becomes of an issue when its run has ended. Knows no database and no process. */
public final class OutcomeRules {
  private static final int DATA_ERROR = 65;
  private static final int TEMPORARY_FAILURE = 75;
  private static final int SIGNAL_BASE = 128;
  private static final int HIGHEST_SIGNAL = 64;
  private static final int THROTTLES_BEFORE_COUNTING = 2;
  private static final int OVERLOADS_BEFORE_COUNTING = 3;

  private final RetryPolicy retryPolicy;
  private final Pacing pacing;
  private final RandomGenerator random;

  public OutcomeRules(RetryPolicy retryPolicy, Pacing pacing, RandomGenerator random) {
    this.retryPolicy = retryPolicy;
    this.pacing = pacing;
    this.random = random;
  }

  /**
   * How a run ended.
   *
   * @param verdict what the ending rules take its output for
   * @param cause the last error of its output, if that is for programs
   * @param tail the end of its output, for people
   * @param at when it ended
   * @param scopes whom a pause would hold
   */
  public record End(
      Claim claim,
      Ending ending,
      Optional<Verdict> verdict,
      Optional<String> cause,
      String tail,
      Instant at,
      Scopes scopes) {
    /** Whether nothing speaks against it. */
    public boolean isSuccess() {
      return outcome(this) == Outcome.COMPLETED;
    }

    private Optional<Integer> exit() {
      return ending.exitCode().isPresent()
          ? Optional.of(ending.exitCode().getAsInt())
          : Optional.empty();
    }
  }

  /** The account whose limits a run meets, and the worker that ran it. */
  public record Scopes(PauseScope account, PauseScope worker) {}

  /**
   * What becomes of the issue.
   *
   * @param backoff for a pending one; empty keeps its place in the queue
   * @param counted whether the attempt counts
   * @param pause of an account or a worker
   */
  private record Next(
      IssueStatus status, Optional<Duration> backoff, boolean counted, Optional<PauseOrder> pause) {
    private static final Next GIVEN_BACK =
        new Next(IssueStatus.PENDING, Optional.empty(), false, Optional.empty());

    private static Next ended(IssueStatus status) {
      return new Next(status, Optional.empty(), true, Optional.empty());
    }

    private static Next again(Duration backoff, boolean counted) {
      return new Next(IssueStatus.PENDING, Optional.of(backoff), counted, Optional.empty());
    }

    private Next with(PauseOrder order) {
      return new Next(status, backoff, counted, Optional.of(order));
    }
  }

  /**
   * Decides.
   *
   * @param before how many of the issue's last attempts in a row ended with that outcome; asked
   *     only when that matters
   */
  public Settlement settle(End end, Function<Outcome, Streak> before) {
    Outcome outcome = outcome(end);
    String line =
        "attempt %d %s: %s after %d s"
            .formatted(
                end.claim().attempt(),
                outcome.word(),
                end.exit().map(code -> "exit " + code).orElse("no exit code"),
                end.ending().ran().toSeconds());
    String why = cause(end).map(text -> ": " + text).orElse("");
    return settlement(
        outcome, next(outcome, end, before), end.exit(), error(line + why, end.tail()), end.tail());
  }

  private static Optional<String> cause(End end) {
    return end.cause().or(() -> end.verdict().map(Verdict::line));
  }

  /** For a run that could not be started: nothing that the issue could help. */
  public static Settlement notStarted(Claim claim, String cause) {
    String line = "attempt %d not_started: %s".formatted(claim.attempt(), cause);
    return settlement(Outcome.NOT_STARTED, Next.GIVEN_BACK, Optional.empty(), line, "");
  }

  /** For an attempt whose lease has expired. */
  public Settlement lost(ExpiredLease expired) {
    int attempt = expired.claim().attempt();
    String error =
        "attempt %d lost: worker %s on %s did not extend its lease"
            .formatted(attempt, expired.worker(), expired.host());
    return settlement(
        Outcome.LOST, counted(attempt, Optional.empty()), Optional.empty(), error, "");
  }

  // Several tools exit with 0 when they are told to stop: a stop that had begun decides.
  private static Outcome outcome(End end) {
    Optional<StopReason> reason = end.ending().stopReason();
    if (reason.isPresent()) {
      return switch (reason.get()) {
        case TIMEOUT -> Outcome.TIMED_OUT;
        case OUTPUT_LIMIT -> Outcome.OUTPUT_LIMIT;
        case CANCELLED -> Outcome.CANCELLED;
        case WORKER_DIED -> Outcome.LOST;
        case INTERRUPTED, LEASE_LOST -> Outcome.INTERRUPTED;
        case NOT_STARTED -> Outcome.NOT_STARTED;
      };
    }
    int exit = end.exit().orElse(-1);
    if (exit == DATA_ERROR) {
      return Outcome.FAILED;
    }
    if (exit == TEMPORARY_FAILURE) {
      return Outcome.THROTTLED;
    }
    return end.verdict()
        .map(Verdict::kind)
        .map(OutcomeRules::outcome)
        .orElse(exit == 0 ? Outcome.COMPLETED : Outcome.FAILED);
  }

  private static Outcome outcome(EndingClass kind) {
    return switch (kind) {
      case LIMIT -> Outcome.THROTTLED;
      case OVERLOAD -> Outcome.OVERLOADED;
      case SPEND, LOGIN -> Outcome.REFUSED;
      case FAILED -> Outcome.FAILED;
    };
  }

  private Next next(Outcome outcome, End end, Function<Outcome, Streak> before) {
    int attempt = end.claim().attempt();
    return switch (outcome) {
      case COMPLETED -> Next.ended(IssueStatus.COMPLETED);
      case CANCELLED -> Next.ended(IssueStatus.CANCELLED);
      case INTERRUPTED, NOT_STARTED -> Next.GIVEN_BACK;
      case THROTTLED -> throttled(end, before.apply(outcome));
      case OVERLOADED -> overloaded(attempt, before.apply(outcome));
      case REFUSED -> refused(end);
      case FAILED ->
          end.exit().equals(Optional.of(DATA_ERROR))
              ? Next.ended(IssueStatus.FAILED)
              : counted(attempt, Optional.empty());
      case TIMED_OUT, OUTPUT_LIMIT, LOST -> counted(attempt, Optional.empty());
      case RUNNING -> throw new IllegalStateException("an ended run is not running");
    };
  }

  /** If the account's other runs get through, the limit is this issue's own trouble. */
  private Next throttled(End end, Streak before) {
    List<Duration> waits =
        end.verdict()
            .flatMap(Verdict::until)
            .map(until -> List.of(Duration.between(end.at(), until)))
            .orElse(pacing.limit());
    if (before.length() >= THROTTLES_BEFORE_COUNTING && before.othersCompleted()) {
      return counted(end.claim().attempt(), Optional.of(waits.get(0)));
    }
    return Next.again(waits.get(0), false)
        .with(order(end, end.scopes().account(), PauseOrder.Kind.LIMIT, waits));
  }

  private Next overloaded(int attempt, Streak before) {
    Duration wait = pacing.overloadWait(before.length() + 1);
    return before.length() >= OVERLOADS_BEFORE_COUNTING && before.othersCompleted()
        ? counted(attempt, Optional.of(wait))
        : Next.again(wait, false);
  }

  private Next refused(End end) {
    boolean spend = end.verdict().map(Verdict::kind).equals(Optional.of(EndingClass.SPEND));
    return Next.GIVEN_BACK.with(
        spend
            ? order(end, end.scopes().account(), PauseOrder.Kind.SPEND, pacing.spend())
            : order(
                end,
                end.scopes().worker(),
                PauseOrder.Kind.LOGIN,
                pacing.restAfter(end.ending().ran())));
  }

  private PauseOrder order(End end, PauseScope scope, PauseOrder.Kind kind, List<Duration> waits) {
    String cause =
        cause(end).orElse("a run ended with exit " + end.exit().orElse(TEMPORARY_FAILURE));
    String reason = "%s: %s".formatted(kind.word(), cause);
    return new PauseOrder(
        scope, kind, waits, pacing.rampStep(), reason, end.verdict().map(Verdict::line).orElse(""));
  }

  private Next counted(int attempt, Optional<Duration> wait) {
    return retryPolicy
        .backoffAfter(attempt, random)
        .map(backoff -> Next.again(wait.orElse(backoff), true))
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
        exit.flatMap(OutcomeRules::signal),
        outcome == Outcome.COMPLETED ? Optional.empty() : Optional.of(error),
        outputTail,
        next.pause());
  }

  private static Optional<Integer> signal(int exit) {
    return Optional.of(exit - SIGNAL_BASE).filter(signal -> signal > 0 && signal <= HIGHEST_SIGNAL);
  }

  private static String error(String line, String outputTail) {
    int room = Math.max(0, OutputTail.LIMIT_BYTES - line.length() - 1);
    return outputTail.isEmpty() ? line : line + "\n" + OutputTail.lastBytes(outputTail, room);
  }
}
