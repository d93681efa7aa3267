package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.queue.ClaimResult;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.IssueRepository.SettledAndClaimed;
import com.cape.worker.store.queue.Settlement;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.Attempts;
import com.cape.worker.worker.state.Listeners;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;

/** Claims issues for the slots. Each claim names its own run id, which finds it again. */
final class Claims {
  private final WorkerIdentity identity;
  private final IssueRepository issues;
  private final String issueLogs;
  private final Duration lease;
  private final Attempts attempts;
  private final StoreRetry retry;
  private final Listeners listeners;

  /**
   * @param issueLogs the folder of the attempts' log files
   */
  Claims(
      WorkerIdentity identity,
      IssueRepository issues,
      String issueLogs,
      Duration lease,
      Attempts attempts,
      StoreRetry retry,
      Listeners listeners) {
    this.identity = identity;
    this.issues = issues;
    this.issueLogs = issueLogs;
    this.lease = lease;
    this.attempts = attempts;
    this.retry = retry;
    this.listeners = listeners;
  }

  ClaimResult claim(UUID runId) {
    attempts.claiming();
    try {
      return issues.claim(runId, identity, issueLogs, lease);
    } finally {
      attempts.claimed();
    }
  }

  /** Settles an attempt and claims the next issue in the same transaction. */
  SettledAndClaimed settleAndClaim(Attempt attempt, Settlement settlement, UUID nextRunId) {
    attempts.claiming();
    try {
      return issues.settleAndClaim(
          attempt.claim(), settlement, nextRunId, identity, issueLogs, lease);
    } finally {
      attempts.claimed();
    }
  }

  /**
   * The attempt of a claim.
   *
   * @param waited how long the issue had been due
   * @param sent when the claim was about to be sent, on the {@link LeaseClock}
   */
  Attempt take(Claim claim, Duration waited, Duration sent) {
    var attempt = new Attempt(claim, sent);
    attempts.add(attempt);
    listeners.announce(listener -> listener.claimed(waited));
    return attempt;
  }

  /** The attempt of a claim whose answer was lost; empty when it was not made. */
  Optional<Attempt> find(UUID runId) {
    Duration sent = LeaseClock.now();
    return issues.findClaim(runId, lease).map(claim -> take(claim, Duration.ZERO, sent));
  }

  /** The same for a worker that ends: the attempt is given back. Asks until there is an answer. */
  Optional<Attempt> findStopped(UUID runId) throws InterruptedException {
    var found = new AtomicReference<Optional<Attempt>>(Optional.empty());
    retry.ask("find a claim", () -> found.set(find(runId)), () -> {});
    found.get().ifPresent(attempt -> attempt.stop(StopReason.INTERRUPTED));
    return found.get();
  }
}
