package com.cape.worker.worker;

import com.cape.worker.run.LeaseClock;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.ClaimResult;
import com.cape.worker.store.queue.NoClaimReason;
import com.cape.worker.worker.ClaimGate.Hold;
import com.cape.worker.worker.ClaimGate.Reason;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.Attempts;
import com.cape.worker.worker.state.DatabaseAvailability;
import com.cape.worker.worker.state.Drain;
import com.cape.worker.worker.wakeup.PollSchedule;
import com.cape.worker.worker.wakeup.WakeUp;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Where idle slots stand in line. Only the first one waits for work, so that one connection polls
 * and one wake-up wakes one thread. When it has claimed, the next one takes its place.
 */
final class ClaimLine {
  private static final String WHO = "claim";

  private final Claims claims;
  private final ClaimGate gate;
  private final Attempts attempts;
  private final DatabaseAvailability database;
  private final Drain drain;
  private final Waiting waiting;
  private final boolean exitWhenIdle;
  private final ReentrantLock place = new ReentrantLock();
  private Optional<UUID> unanswered = Optional.empty();
  private volatile Optional<IssueWorker.End> end = Optional.empty();

  /**
   * How the first slot waits.
   *
   * @param onTurn called before each claim and each wait
   * @param onIdle called when there was nothing to claim
   * @param longestWait asked for before each wait
   */
  record Waiting(
      WakeUp wakeUp,
      PollSchedule schedule,
      Runnable onTurn,
      Runnable onIdle,
      Supplier<Duration> longestWait) {}

  /**
   * @param exitWhenIdle end when no issue may be claimed now and no slot is busy
   */
  ClaimLine(
      Claims claims,
      ClaimGate gate,
      Attempts attempts,
      DatabaseAvailability database,
      Drain drain,
      Waiting waiting,
      boolean exitWhenIdle) {
    this.claims = claims;
    this.gate = gate;
    this.attempts = attempts;
    this.database = database;
    this.drain = drain;
    this.waiting = waiting;
    this.exitWhenIdle = exitWhenIdle;
  }

  /** Why the slots ended; empty while they work, and after a drain. */
  Optional<IssueWorker.End> end() {
    return end;
  }

  /** Whether a slot waits for work now. */
  boolean occupied() {
    return place.isLocked();
  }

  /**
   * Blocks until an issue was claimed; empty when the worker is to end.
   *
   * @param known why there was nothing to claim a moment ago: that is not asked again at once
   */
  Optional<Attempt> next(Optional<NoClaimReason> known) throws InterruptedException {
    if (!place.tryLock()) {
      if (exitWhenIdle || gate.programReplaced()) {
        waiting.wakeUp().signal();
      }
      place.lockInterruptibly();
    }
    try {
      Optional<Attempt> claimed = Optional.empty();
      if (known.isPresent() && goesOn()) {
        claimed = waitAfter(known.get());
      }
      while (claimed.isEmpty() && goesOn()) {
        claimed = turn();
      }
      return claimed.isPresent() ? claimed : lastAnswer();
    } finally {
      place.unlock();
    }
  }

  /** Whether a slot that settles may go on with the next issue, which it is about to ask for. */
  boolean open() {
    if (!place.isLocked()) {
      // What was signalled so far, the next claim sees.
      waiting.wakeUp().clear();
    }
    return gate.hold().isEmpty();
  }

  private boolean goesOn() {
    return end.isEmpty() && !drain.begun();
  }

  /** Claims, or waits until that may be worth another try. */
  Optional<Attempt> turn() throws InterruptedException {
    waiting.onTurn().run();
    Optional<Hold> hold = gate.hold();
    if (hold.isPresent()) {
      return waitFor(hold.get());
    }
    try {
      Optional<Attempt> found = findUnanswered();
      if (found.isPresent()) {
        return found;
      }
      UUID runId = UUID.randomUUID();
      unanswered = Optional.of(runId);
      Duration sent = LeaseClock.now();
      ClaimResult result = claims.claim(runId);
      unanswered = Optional.empty();
      database.answered(WHO);
      return result.claim().isPresent()
          ? Optional.of(take(result, sent))
          : waitAfter(result.idle());
    } catch (StoreException e) {
      Duration wait = database.failed(WHO, e);
      gate.answered(Optional.of(new Hold(Reason.DATABASE_UNAVAILABLE, e.getMessage(), wait)));
      await(wait);
      return Optional.empty();
    }
  }

  private Attempt take(ClaimResult result, Duration sent) {
    gate.answered(Optional.empty());
    return claims.take(result.claim().orElseThrow(), result.waited(), sent);
  }

  /** If the answer to a claim was lost, the table knows whether it was made. */
  private Optional<Attempt> findUnanswered() {
    if (unanswered.isEmpty()) {
      return Optional.empty();
    }
    Optional<Attempt> found = claims.find(unanswered.get());
    unanswered = Optional.empty();
    database.answered(WHO);
    return found;
  }

  /** A worker that ends leaves no claim behind that nobody runs. */
  private Optional<Attempt> lastAnswer() throws InterruptedException {
    if (unanswered.isEmpty()) {
      return Optional.empty();
    }
    UUID runId = unanswered.get();
    unanswered = Optional.empty();
    return claims.findStopped(runId);
  }

  private Optional<Attempt> waitFor(Hold hold) throws InterruptedException {
    boolean idle = attempts.count() == 0;
    if (idle && hold.reason() == Reason.PROGRAM_REPLACED) {
      end = Optional.of(IssueWorker.End.REPLACED);
    } else if (idle && exitWhenIdle && isCommand(hold.reason())) {
      end = Optional.of(IssueWorker.End.CANNOT_START);
    } else {
      waiting.onIdle().run();
      await(hold.again());
    }
    return Optional.empty();
  }

  private static boolean isCommand(Reason reason) {
    return reason == Reason.COMMAND_MISSING || reason == Reason.HOST_RESTING;
  }

  private Optional<Attempt> waitAfter(NoClaimReason reason) throws InterruptedException {
    gate.answered(
        Optional.of(
            reason
                .pausedFor()
                .map(left -> new Hold(Reason.PAUSED, reason.pauseReason(), left))
                .orElse(new Hold(Reason.NOTHING_DUE, "nothing is due", Duration.ZERO))));
    if (exitWhenIdle && attempts.count() == 0) {
      end = Optional.of(IssueWorker.End.IDLE);
      return Optional.empty();
    }
    waiting.onIdle().run();
    await(waiting.schedule().until(reason));
    return Optional.empty();
  }

  /** Waits for a signal, and turns often enough meanwhile for the service manager to hear of it. */
  private void await(Duration atMost) throws InterruptedException {
    long endNanos = System.nanoTime() + atMost.toNanos();
    boolean over = false;
    while (!over) {
      waiting.onTurn().run();
      Duration left = Duration.ofNanos(endNanos - System.nanoTime());
      Duration longest = waiting.longestWait().get();
      over = left.compareTo(longest) <= 0;
      over |= waiting.wakeUp().await(over ? left : longest);
    }
  }
}
