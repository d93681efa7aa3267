package com.cape.worker.worker.wakeup;

import com.cape.worker.store.queue.WorkerRepository.HeartbeatReply;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Which of the workers that listen and have a free slot looks for an issue, so that not all of them
 * do. Each reckons for itself, with the rank that its last heartbeat brought: issue by issue it is
 * the next one's turn. Ranks may be stale and workers dead: two more stand by, and polling is
 * underneath. Safe for use by several threads.
 */
public final class ClaimOrder {
  private static final List<Duration> STANDING_BY =
      List.of(Duration.ofMillis(10), Duration.ofMillis(100));
  private static final Duration STEP = Duration.ofMillis(20);
  private static final Duration LONGEST_SPREAD = Duration.ofSeconds(1);

  private final BooleanSupplier listening;
  private volatile HeartbeatReply reply = new HeartbeatReply(0, 1, false, false, false);

  /** Alone, until a heartbeat says otherwise. */
  public ClaimOrder(BooleanSupplier listening) {
    this.listening = listening;
  }

  public void update(HeartbeatReply latest) {
    reply = latest;
  }

  /**
   * How long after issues have fallen due this worker is to look for them; empty when it can leave
   * them to others.
   *
   * @param count of issues, numbered from the first one on
   */
  public Optional<Duration> turn(int count, long firstIssueId) {
    HeartbeatReply now = reply;
    if (!listening.getAsBoolean()) {
      return Optional.of(Duration.ZERO);
    }
    int position = Math.floorMod(now.rank() - firstIssueId, now.ready());
    if (position < count) {
      return Optional.of(Duration.ZERO);
    }
    int behind = position - count;
    return behind < STANDING_BY.size() ? Optional.of(STANDING_BY.get(behind)) : Optional.empty();
  }

  /** How long to wait with what each worker has to do. */
  public Duration spread() {
    Duration wait = STEP.multipliedBy(reply.rank());
    return wait.compareTo(LONGEST_SPREAD) < 0 ? wait : LONGEST_SPREAD;
  }
}
