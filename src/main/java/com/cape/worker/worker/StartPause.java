package com.cape.worker.worker;

import com.cape.worker.worker.WorkerListener.PauseReason;
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

  private final Listeners listeners;
  private Duration next = FIRST;
  private long failedNanos;
  private long endNanos;
  private boolean paused;
  private boolean told;

  StartPause(Listeners listeners) {
    this.listeners = listeners;
  }

  /** Begins a pause, unless one lasts. */
  synchronized void failed(String cause) {
    if (left().isPresent()) {
      return;
    }
    paused = true;
    failedNanos = System.nanoTime();
    endNanos = failedNanos + next.toNanos();
    LOG.error(
        "cannot start the command; claiming nothing for_s={} cause={}", next.toSeconds(), cause);
    told = true;
    listeners.announce(listener -> listener.paused(PauseReason.START));
    Duration twice = next.multipliedBy(2);
    next = twice.compareTo(LONGEST) < 0 ? twice : LONGEST;
  }

  /**
   * A command was started.
   *
   * @param sinceNanos when its start began: one before the last failure says nothing of the next
   */
  synchronized void over(long sinceNanos) {
    if (paused && failedNanos - sinceNanos > 0) {
      return;
    }
    if (paused) {
      LOG.info("the command can be started again");
    }
    paused = false;
    next = FIRST;
    tellEnd();
  }

  /** What is left of the pause; empty when there is none. */
  synchronized Optional<Duration> left() {
    Duration left = Duration.ofNanos(endNanos - System.nanoTime());
    if (paused && !left.isNegative()) {
      return Optional.of(left);
    }
    tellEnd();
    return Optional.empty();
  }

  private void tellEnd() {
    if (told) {
      told = false;
      listeners.announce(listener -> listener.resumed(PauseReason.START));
    }
  }
}
