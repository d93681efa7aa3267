package com.cape.worker.worker;

import com.cape.worker.store.queue.NoClaimReason;
import com.cape.worker.worker.WorkerListener.PauseReason;
import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How long the loop rests when there was nothing to claim. Used by the loop's thread. */
final class PollSchedule {
  private static final Logger LOG = LoggerFactory.getLogger(PollSchedule.class);
  private static final double JITTER = 0.2;
  private static final Duration SHORTEST = Duration.ofMillis(20);

  private final Duration pollInterval;
  private final ClaimOrder fleet;
  private final RandomGenerator random;
  private final Listeners listeners;
  private volatile boolean paused;

  PollSchedule(
      Duration pollInterval, ClaimOrder fleet, RandomGenerator random, Listeners listeners) {
    this.pollInterval = pollInterval;
    this.fleet = fleet;
    this.random = random;
    this.listeners = listeners;
  }

  /** Until the next poll, the end of a pause, or the next issue that falls due for this worker. */
  Duration next(NoClaimReason idle) {
    notePause(idle);
    double factor = 1 - JITTER + 2 * JITTER * random.nextDouble();
    Duration poll = Duration.ofMillis(Math.round(pollInterval.toMillis() * factor));
    Duration event = idle.pausedFor().or(() -> nextTurn(idle)).orElse(poll);
    Duration earliest = event.compareTo(poll) < 0 ? event : poll;
    return earliest.compareTo(SHORTEST) < 0 ? SHORTEST : earliest;
  }

  private Optional<Duration> nextTurn(NoClaimReason idle) {
    return idle.dues().stream()
        .flatMap(due -> fleet.turn(1, due.issueId()).map(due.in()::plus).stream())
        .min(Comparator.naturalOrder());
  }

  /** Whether a pause was in force at the last look. */
  boolean paused() {
    return paused;
  }

  /** Takes note that there was something to claim. */
  void over() {
    if (paused) {
      paused = false;
      LOG.info("pause over");
      listeners.announce(listener -> listener.resumed(PauseReason.REQUESTED));
    }
  }

  private void notePause(NoClaimReason idle) {
    if (idle.pausedFor().isEmpty()) {
      over();
      return;
    }
    if (!paused) {
      paused = true;
      LOG.warn(
          "paused: claiming nothing for {} s reason={}",
          idle.pausedFor().get().toSeconds(),
          idle.pauseReason());
      listeners.announce(listener -> listener.paused(PauseReason.REQUESTED));
    }
  }
}
