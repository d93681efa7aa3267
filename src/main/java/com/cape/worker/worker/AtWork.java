package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/**
 * What this worker has or may just have claimed. A slot may claim, as it settles a run, the same
 * issue's next one: so it is runs that are counted. Safe for use by several threads.
 */
final class AtWork {
  private record Run(long issueId, long sinceNanos) {}

  private final Map<UUID, Run> runs = new ConcurrentHashMap<>();
  private final AtomicInteger claiming = new AtomicInteger();
  private volatile boolean calledInVain;

  /** A claim is about to be sent; until {@link #claimed}, its issue is not known yet. */
  void claiming() {
    claiming.incrementAndGet();
  }

  /** A claim was answered, and {@link #begun} called if it brought an issue. */
  void claimed() {
    claiming.decrementAndGet();
  }

  void begun(Claim claim) {
    runs.put(claim.runId(), new Run(claim.issueId(), System.nanoTime()));
  }

  void ended(Claim claim) {
    runs.remove(claim.runId());
  }

  boolean holds(Claim claim) {
    return runs.containsKey(claim.runId());
  }

  boolean isClaiming() {
    return claiming.get() > 0;
  }

  /** Something fell due while no slot was free. */
  void callInVain() {
    calledInVain = true;
  }

  /** A look is about to be sent, which sees whatever was called for so far. */
  void forgetCalls() {
    calledInVain = false;
  }

  boolean calledInVain() {
    return calledInVain;
  }

  /** False when the issue is certainly not here. */
  boolean mayHold(long issueId) {
    return isClaiming() || runs.values().stream().anyMatch(run -> run.issueId() == issueId);
  }

  /** How long each issue has been here. */
  Map<Long, Duration> running() {
    long now = System.nanoTime();
    return runs.values().stream()
        .collect(
            Collectors.toMap(
                Run::issueId,
                run -> Duration.ofNanos(now - run.sinceNanos()),
                (one, other) -> one));
  }
}
