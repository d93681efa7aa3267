package com.cape.worker.worker.state;

import java.time.Duration;

/**
 * How long a claim holds, and what of it is kept back to end a run in time.
 *
 * @param grace between TERM and KILL
 */
public record LeaseTimes(Duration lease, Duration grace) {
  private static final int HEARTBEATS_PER_LEASE = 10;
  // Between the KILL and the end of the lease: what the worker keeps back, and what its guardian
  // does, which acts only when the worker cannot.
  private static final Duration RESERVE = Duration.ofSeconds(2);
  private static final Duration GUARDIAN_RESERVE = Duration.ofSeconds(1);

  /** Between two heartbeats. */
  public Duration period() {
    return lease.dividedBy(HEARTBEATS_PER_LEASE);
  }

  /** The age of the last renewal at which the worker stops a run. */
  public Duration limit() {
    return lease.minus(grace).minus(RESERVE);
  }

  /** When the guardian ends a run that was renewed then. */
  public Duration deadline(Duration renewed) {
    return renewed.plus(lease).minus(grace).minus(GUARDIAN_RESERVE);
  }
}
