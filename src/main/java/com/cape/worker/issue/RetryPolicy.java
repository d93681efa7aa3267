package com.cape.worker.issue;

import java.time.Duration;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * When an issue is tried again.
 *
 * @param maxAttempts attempts an issue gets; 0 means no limit
 * @param delay the wait before attempt 2; four times as long for each further one
 * @param maxDelay the longest wait, before the jitter
 */
public record RetryPolicy(int maxAttempts, Duration delay, Duration maxDelay) {
  private static final int GROWTH = 4;
  private static final double JITTER = 0.2;

  public RetryPolicy {
    if (maxAttempts < 0 || delay.isNegative() || maxDelay.isNegative()) {
      throw new IllegalArgumentException("a retry policy has no negative numbers");
    }
  }

  /** The wait after the given attempt (counted from 1), +-20 %; empty when it was the last one. */
  public Optional<Duration> backoffAfter(int attempt, RandomGenerator random) {
    if (maxAttempts != 0 && attempt >= maxAttempts) {
      return Optional.empty();
    }
    double seconds = delay.toMillis() / 1000.0 * Math.pow(GROWTH, attempt - 1);
    double capped = Math.min(seconds, maxDelay.toMillis() / 1000.0);
    double jittered = capped * (1 - JITTER + 2 * JITTER * random.nextDouble());
    return Optional.of(Duration.ofMillis(Math.round(jittered * 1000)));
  }
}
