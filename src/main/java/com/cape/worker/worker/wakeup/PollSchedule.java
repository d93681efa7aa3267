package com.cape.worker.worker.wakeup;

import com.cape.worker.store.queue.NoClaimReason;
import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import java.util.random.RandomGenerator;

/** How long to wait when there was nothing to claim. Used by the slot that waits. */
public final class PollSchedule {
  private static final double JITTER = 0.2;
  private static final Duration SHORTEST = Duration.ofMillis(20);

  private final Duration pollInterval;
  private final ClaimOrder order;
  private final RandomGenerator random;

  public PollSchedule(Duration pollInterval, ClaimOrder order, RandomGenerator random) {
    this.pollInterval = pollInterval;
    this.order = order;
    this.random = random;
  }

  /** Until the next poll, the end of a pause, or the next issue that falls due for this worker. */
  public Duration until(NoClaimReason reason) {
    double factor = 1 - JITTER + 2 * JITTER * random.nextDouble();
    Duration poll = Duration.ofMillis(Math.round(pollInterval.toMillis() * factor));
    Duration event = reason.pausedFor().or(() -> nextTurn(reason)).orElse(poll);
    Duration earliest = event.compareTo(poll) < 0 ? event : poll;
    return earliest.compareTo(SHORTEST) < 0 ? SHORTEST : earliest;
  }

  private Optional<Duration> nextTurn(NoClaimReason reason) {
    return reason.dues().stream()
        .flatMap(due -> order.turn(1, due.issueId()).map(due.in()::plus).stream())
        .min(Comparator.naturalOrder());
  }
}
