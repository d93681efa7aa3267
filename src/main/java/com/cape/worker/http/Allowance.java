package com.cape.worker.http;

import java.time.Duration;

/**
 * How much of the database's time may be spent: a share of all time, a little of which may be saved
 * up. For one thread.
 */
public final class Allowance {
  private final double share;
  private final double mostNanos;
  private double nanos;
  private long counted;

  public Allowance(double share, Duration most, long nowNanos) {
    this.share = share;
    this.mostNanos = most.toNanos();
    this.nanos = mostNanos;
    this.counted = nowNanos;
  }

  public void spend(Duration time) {
    nanos -= (double) time.toNanos();
  }

  /** Whether there is any left. */
  public boolean some(long nowNanos) {
    nanos = Math.min(mostNanos, nanos + (nowNanos - counted) * share);
    counted = nowNanos;
    return nanos > 0;
  }
}
