package com.cape.worker.worker;

import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The runs that may go on at the same time. Safe for use by several threads. */
final class Slots {
  private static final Logger LOG = LoggerFactory.getLogger(Slots.class);

  private final int count;
  private final Executor executor;
  private final Runnable onRelease;
  private final Listeners listeners;
  private int busy;

  /**
   * All free.
   *
   * @param executor brings a thread for each occupied slot
   * @param onRelease called after a slot has become free, by the thread that used it
   */
  Slots(int count, Executor executor, Runnable onRelease, Listeners listeners) {
    this.count = count;
    this.executor = executor;
    this.onRelease = onRelease;
    this.listeners = listeners;
  }

  synchronized boolean free() {
    return busy < count;
  }

  synchronized int freeCount() {
    return Math.max(0, count - busy);
  }

  synchronized boolean idle() {
    return busy == 0;
  }

  /**
   * Occupies a slot for as long as the work takes. Only the loop's thread calls this; it does the
   * work itself where no other thread is to be had.
   */
  void occupy(Runnable work) {
    change(1);
    Runnable inSlot = () -> workIn(work);
    try {
      executor.execute(inSlot);
    } catch (OutOfMemoryError e) { // No native thread (JDK: Thread.start).
      LOG.error("no thread for a slot; nothing else is claimed meanwhile", e);
      inSlot.run();
    }
  }

  private void workIn(Runnable work) {
    try {
      work.run();
    } catch (RuntimeException | OutOfMemoryError e) {
      LOG.error("attempt abandoned; its lease will run out", e);
    } finally {
      change(-1);
      onRelease.run();
    }
  }

  private synchronized void change(int by) {
    busy += by;
    int now = busy;
    listeners.announce(listener -> listener.slotsBusy(now));
  }
}
