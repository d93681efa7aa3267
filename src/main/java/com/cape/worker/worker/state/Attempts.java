package com.cape.worker.worker.state;

import com.cape.worker.run.StopReason;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** The attempts that this worker holds, until they are settled. Safe for several threads. */
public final class Attempts {
  private final Map<UUID, Attempt> held = new ConcurrentHashMap<>();
  private final AtomicInteger claiming = new AtomicInteger();
  private final Listeners listeners;
  private volatile boolean interrupted;

  public Attempts(Listeners listeners) {
    this.listeners = listeners;
  }

  /** A claim is about to be sent; until {@link #claimed} its issue is not known. */
  public void claiming() {
    claiming.incrementAndGet();
  }

  /** The claim was answered, or its answer was lost. */
  public void claimed() {
    claiming.decrementAndGet();
  }

  public void add(Attempt attempt) {
    held.put(attempt.runId(), attempt);
    if (interrupted) {
      attempt.stop(StopReason.INTERRUPTED);
    }
    announceCount();
  }

  public void remove(Attempt attempt) {
    held.remove(attempt.runId());
    announceCount();
  }

  private synchronized void announceCount() {
    int count = held.size();
    listeners.announce(listener -> listener.slotsBusy(count));
  }

  public List<Attempt> held() {
    return List.copyOf(held.values());
  }

  public int count() {
    return held.size();
  }

  /** Whether nothing is on its way into the database or out of it: each attempt is a live run. */
  public boolean allRun() {
    return claiming.get() == 0
        && held.values().stream()
            .map(Attempt::state)
            .allMatch(state -> state == Attempt.State.RUNNING || state == Attempt.State.STOPPING);
  }

  /** False when the issue is certainly not here. */
  public boolean mayHold(long issueId) {
    return claiming.get() > 0
        || held.values().stream().anyMatch(attempt -> attempt.claim().issueId() == issueId);
  }

  /** Stops all, and whatever is added later. */
  public void interrupt() {
    interrupted = true;
    held().forEach(attempt -> attempt.stop(StopReason.INTERRUPTED));
  }

  /** How long each issue has been here. */
  public Map<Long, Duration> running() {
    return held.values().stream()
        .collect(
            Collectors.toMap(
                attempt -> attempt.claim().issueId(), Attempt::age, (one, other) -> one));
  }
}
