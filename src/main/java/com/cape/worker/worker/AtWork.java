package com.cape.worker.worker;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** The issues that this worker has or may just have claimed. Safe for use by several threads. */
final class AtWork {
  private final Map<Long, Long> sinceNanos = new ConcurrentHashMap<>();
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

  void begun(long issueId) {
    sinceNanos.put(issueId, System.nanoTime());
  }

  void ended(long issueId) {
    sinceNanos.remove(issueId);
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
    return isClaiming() || sinceNanos.containsKey(issueId);
  }

  /** How long each issue has been here. */
  Map<Long, Duration> running() {
    long now = System.nanoTime();
    return sinceNanos.entrySet().stream()
        .collect(
            Collectors.toMap(Map.Entry::getKey, entry -> Duration.ofNanos(now - entry.getValue())));
  }
}
