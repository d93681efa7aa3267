package com.cape.worker.worker;

import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * This worker's own rest after a command that could not be started: 15 s, twice as long each time,
 * at most 15 min, until one starts. Safe for use by several threads.
 */
final class StartPause {
  private static final Logger LOG = LoggerFactory.getLogger(StartPause.class);
  private static final Duration FIRST = Duration.ofSeconds(15);
  private static final Duration LONGEST = Duration.ofMinutes(15);

  private Duration next = FIRST;
  private long endNanos;
  private boolean paused;

  /** Begins a pause, unless one lasts. */
  synchronized void failed(String cause) {
    if (left().isPresent()) {
      return;
    }
    paused = true;
    endNanos = System.nanoTime() + next.toNanos();
    LOG.error(
        "cannot start the command; claiming nothing for_s={} cause={}", next.toSeconds(), cause);
    Duration twice = next.multipliedBy(2);
    next = twice.compareTo(LONGEST) < 0 ? twice : LONGEST;
  }

  /** A command was started. */
  synchronized void over() {
    if (paused) {
      LOG.info("the command can be started again");
    }
    paused = false;
    next = FIRST;
  }

  /** What is left of the pause; empty when there is none. */
  synchronized Optional<Duration> left() {
    Duration left = Duration.ofNanos(endNanos - System.nanoTime());
    return paused && !left.isNegative() ? Optional.of(left) : Optional.empty();
  }
}
