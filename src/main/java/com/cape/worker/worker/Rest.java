package com.cape.worker.worker;

import com.cape.worker.store.queue.Idle;
import com.cape.worker.worker.WorkerListener.PauseReason;
import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How long the loop rests when there was nothing to claim. Used by the loop's thread. */
final class Rest {
  private static final Logger LOG = LoggerFactory.getLogger(Rest.class);
  private static final double JITTER = 0.2;
  private static final Duration SHORTEST = Duration.ofMillis(20);

  private final Duration pollInterval;
  private final Fleet fleet;
  private final RandomGenerator random;
  private final Telling telling;
  private volatile boolean paused;

  Rest(Duration pollInterval, Fleet fleet, RandomGenerator random, Telling telling) {
    this.pollInterval = pollInterval;
    this.fleet = fleet;
    this.random = random;
    this.telling = telling;
  }

  /** Until the next poll, the end of a pause, or the next issue that falls due for this worker. */
  Duration next(Idle idle) {
    notePause(idle);
    double factor = 1 - JITTER + 2 * JITTER * random.nextDouble();
    Duration poll = Duration.ofMillis(Math.round(pollInterval.toMillis() * factor));
    Duration event = idle.pausedFor().or(() -> nextTurn(idle)).orElse(poll);
    Duration earliest = event.compareTo(poll) < 0 ? event : poll;
    return earliest.compareTo(SHORTEST) < 0 ? SHORTEST : earliest;
  }

  private Optional<Duration> nextTurn(Idle idle) {
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
      telling.tell(listener -> listener.resumed(PauseReason.REQUESTED));
    }
  }

  private void notePause(Idle idle) {
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
      telling.tell(listener -> listener.paused(PauseReason.REQUESTED));
    }
  }
}
