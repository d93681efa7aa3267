package com.cape.worker.worker;

import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.StopReason;
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
   * @param onChange called when the number of free slots may have changed
   * @param longestWait asked for before each wait
   */
  record Waiting(
      WakeUp wakeUp,
      PollSchedule schedule,
      Runnable onTurn,
      Runnable onChange,
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
    boolean first = place.tryLock();
    if (!first) {
      if (exitWhenIdle || gate.programReplaced()) {
        waiting.wakeUp().signal();
      }
      place.lockInterruptibly();
    }
    Optional<UUID> lost;
    try {
      // After a wait in line the reason is old: who stood before this slot has claimed since.
      if (first && known.isPresent() && goesOn()) {
        waitAfter(known.get());
      }
      while (goesOn()) {
        Optional<Attempt> claimed = turn();
        if (claimed.isPresent()) {
          return claimed;
        }
      }
      lost = unanswered;
      unanswered = Optional.empty();
    } finally {
      database.answered(WHO);
      place.unlock();
    }
    // A worker that ends leaves no claim behind that nobody runs.
    return lost.isPresent() ? claims.findStopped(lost.get()) : Optional.empty();
  }

  /** Whether a slot that settles may go on with the next issue, which it is about to ask for. */
  boolean mayClaim() {
    if (place.tryLock()) {
      try {
        // What was signalled so far, the next claim sees.
        waiting.wakeUp().clear();
      } finally {
        place.unlock();
      }
    }
    return gate.hold().isEmpty();
  }

  private boolean goesOn() {
    return end.isEmpty() && !drain.begun();
  }

  /** Claims, or waits until that may be worth another try. */
  Optional<Attempt> turn() throws InterruptedException {
    waiting.onTurn().run();
    try {
      Optional<Attempt> found = findUnanswered();
      Optional<Hold> hold = gate.hold();
      if (found.isPresent()) {
        hold.ifPresent(any -> found.get().stop(StopReason.INTERRUPTED));
        return found;
      }
      if (hold.isPresent()) {
        database.answered(WHO);
        waitFor(hold.get());
        return Optional.empty();
      }
      return claim();
    } catch (StoreException e) {
      Duration wait = database.failed(WHO, e);
      Reason reason = e.ofConnection() ? Reason.DATABASE_UNAVAILABLE : Reason.CLAIM_REFUSED;
      gate.answered(Optional.of(new Hold(reason, e.getMessage(), wait)));
      await(wait);
      return Optional.empty();
    }
  }

  private Optional<Attempt> claim() throws InterruptedException {
    UUID runId = UUID.randomUUID();
    unanswered = Optional.of(runId);
    Duration sent = LeaseClock.now();
    ClaimResult result = claims.claim(runId);
    database.answered(WHO);
    if (result.claim().isEmpty()) {
      unanswered = Optional.empty();
      waitAfter(result.idle());
      return Optional.empty();
    }
    Attempt attempt = claims.take(result.claim().get(), result.waited(), sent);
    unanswered = Optional.empty();
    claimed();
    return Optional.of(attempt);
  }

  /** If the answer to a claim was lost, the table knows whether it was made. */
  private Optional<Attempt> findUnanswered() {
    if (unanswered.isEmpty()) {
      return Optional.empty();
    }
    Optional<Attempt> found = claims.find(unanswered.get());
    unanswered = Optional.empty();
    database.answered(WHO);
    found.ifPresent(any -> claimed());
    return found;
  }

  private void claimed() {
    gate.answered(Optional.empty());
    waiting.onChange().run();
  }

  private void waitFor(Hold hold) throws InterruptedException {
    boolean idle = attempts.count() == 0;
    if (idle && hold.reason() == Reason.PROGRAM_REPLACED) {
      end = Optional.of(IssueWorker.End.REPLACED);
    } else if (idle && exitWhenIdle && isCommand(hold.reason())) {
      end = Optional.of(IssueWorker.End.CANNOT_START);
    } else {
      waiting.onChange().run();
      await(hold.again());
    }
  }

  private static boolean isCommand(Reason reason) {
    return reason == Reason.COMMAND_MISSING || reason == Reason.HOST_RESTING;
  }

  private void waitAfter(NoClaimReason reason) throws InterruptedException {
    gate.answered(
        Optional.of(
            reason
                .pausedFor()
                .map(left -> new Hold(Reason.PAUSED, reason.pauseReason(), left))
                .orElse(new Hold(Reason.NOTHING_DUE, "nothing is due", Duration.ZERO))));
    if (exitWhenIdle && attempts.count() == 0) {
      end = Optional.of(IssueWorker.End.IDLE);
      return;
    }
    waiting.onChange().run();
    await(waiting.schedule().until(reason));
  }

  /** Waits for a signal, and turns often enough meanwhile for the service manager to hear of it. */
  private void await(Duration atMost) throws InterruptedException {
    long endNanos = System.nanoTime() + atMost.toNanos();
    boolean over = false;
    while (!over && goesOn()) {
      waiting.onTurn().run();
      Duration left = Duration.ofNanos(endNanos - System.nanoTime());
      Duration longest = waiting.longestWait().get();
      over = left.compareTo(longest) <= 0;
      over |= waiting.wakeUp().await(over ? left : longest);
    }
  }
}
