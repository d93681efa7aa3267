package com.cape.worker.worker.wakeup;

import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Lets a thread rest until something happens. A signal given while nobody waits is kept. Any thread
 * may signal, one waits.
 */
public final class WakeUp {
  private static final long NEVER = Long.MAX_VALUE;
  private static final Duration AGAIN = Duration.ofSeconds(1);

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition signalled = lock.newCondition();
  private final long origin = System.nanoTime();
  private boolean pending;
  private long dueNanos = NEVER;

  /** Ends the current or the next wait at once. */
  public void signal() {
    lock.lock();
    try {
      pending = true;
      signalled.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** The same, and once more a second later: for what is under way just now. */
  public void signalTwice() {
    signal();
    signalAfter(AGAIN);
  }

  /** Forgets the signals that nobody has waited for. */
  public void clear() {
    lock.lock();
    try {
      pending = false;
      dueNanos = NEVER;
    } finally {
      lock.unlock();
    }
  }

  /** Ends a wait after so long, unless another signal is to do so earlier. */
  public void signalAfter(Duration delay) {
    lock.lock();
    try {
      dueNanos = Math.min(dueNanos, now() + delay.toNanos());
      signalled.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Returns at the next signal, at the latest after the given time.
   *
   * @return false when the time ran out
   */
  public boolean await(Duration atMost) throws InterruptedException {
    long endNanos = now() + atMost.toNanos();
    lock.lockInterruptibly();
    try {
      for (long left = left(endNanos); !pending && left > 0; left = left(endNanos)) {
        signalled.awaitNanos(left);
      }
      boolean due = dueNanos <= now();
      boolean signal = pending || due;
      pending = false;
      if (due) {
        dueNanos = NEVER;
      }
      return signal;
    } finally {
      lock.unlock();
    }
  }

  private long left(long endNanos) {
    return Math.min(endNanos, dueNanos) - now();
  }

  private long now() {
    return System.nanoTime() - origin;
  }
}
