package com.cape.worker.worker.state;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** When the last heartbeat got through. Safe for use by several threads. */
public final class BeatClock {
  private static final Logger LOG = LoggerFactory.getLogger(BeatClock.class);

  private final LeaseTimes times;
  private volatile long lastNanos = System.nanoTime();
  private boolean late;

  public BeatClock(LeaseTimes times) {
    this.times = times;
  }

  public void succeeded() {
    lastNanos = System.nanoTime();
  }

  /** Whether a run that is begun now might soon have to be stopped for its lease. */
  public synchronized boolean late() {
    boolean before = late;
    late = System.nanoTime() - lastNanos > times.limit().toNanos();
    if (late && !before) {
      LOG.warn("no heartbeat succeeds; no more claims until one does");
    }
    return late;
  }
}
