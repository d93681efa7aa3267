package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.ClaimResult;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.Settled;
import com.cape.worker.store.queue.Settlement;
import com.cape.worker.store.queue.WorkerIdentity;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes issues for the slots. Called by the loop, by a slot that settles and goes on, and before
 * them by the recovery.
 */
final class Claims {
  private static final Logger LOG = LoggerFactory.getLogger(Claims.class);

  private final WorkerIdentity identity;
  private final IssueRepository issues;
  private final String issueLogs;
  private final Duration lease;
  private final AtWork atWork;
  private final BooleanSupplier allowed;
  private final Listeners listeners;
  private final AtomicReference<ClaimResult> inVain = new AtomicReference<>();
  private volatile boolean unanswered;

  /**
   * For one worker.
   *
   * @param issueLogs the folder of the attempts' log files
   * @param atWork is told of claims
   * @param allowed whether a slot may go on with another issue
   */
  Claims(
      WorkerIdentity identity,
      IssueRepository issues,
      String issueLogs,
      Duration lease,
      AtWork atWork,
      BooleanSupplier allowed,
      Listeners listeners) {
    this.identity = identity;
    this.issues = issues;
    this.issueLogs = issueLogs;
    this.lease = lease;
    this.atWork = atWork;
    this.allowed = allowed;
    this.listeners = listeners;
  }

  /**
   * Looks for an issue. What the slot that became free has looked for in vain, a moment ago, is not
   * looked for again.
   *
   * @param taken gets what was claimed
   */
  ClaimResult look(Consumer<Held> taken) {
    Optional<ClaimResult> before = Optional.ofNullable(inVain.getAndSet(null));
    if (before.isPresent() && !atWork.calledInVain()) {
      return before.get();
    }
    Duration sent = LeaseClock.now();
    atWork.claiming();
    try {
      ClaimResult look = issues.claim(UUID.randomUUID(), identity, issueLogs, lease);
      take(look, sent, taken);
      return look;
    } catch (StoreException e) {
      unanswered = true;
      throw e;
    } finally {
      atWork.claimed();
    }
  }

  /**
   * Settles a claim, and claims the next issue in the same transaction if that is allowed.
   *
   * @param taken gets what was claimed
   */
  Optional<Settled> settle(Claim claim, Settlement settlement, Consumer<Held> taken) {
    // What an answer that was lost holds is the loop's to give back, in a slot that becomes free.
    if (unanswered || !allowed.getAsBoolean()) {
      return issues.settle(claim, settlement);
    }
    Duration sent = LeaseClock.now();
    atWork.forgetCalls();
    atWork.claiming();
    try {
      IssueRepository.SettledAndClaimed both =
          issues.settleAndClaim(claim, settlement, UUID.randomUUID(), identity, issueLogs, lease);
      both.claimed().ifPresent(next -> take(next, sent, taken));
      both.claimed().filter(look -> look.claim().isEmpty()).ifPresent(inVain::set);
      return both.settled();
    } catch (StoreException e) {
      unanswered = true;
      throw e;
    } finally {
      atWork.claimed();
    }
  }

  /** Gives back what the database holds for this worker although the claim's answer was lost. */
  void giveUnansweredBack() {
    for (Claim claim : unanswered()) {
      LogFacts.begin(claim);
      try {
        Settlement settlement = EndingRules.notStarted(claim, "the answer to its claim was lost");
        issues
            .settle(claim, settlement)
            .ifPresent(
                written ->
                    listeners.announce(
                        listener -> listener.settled(settlement.outcome(), Duration.ZERO)));
        inVain.set(null);
        LOG.warn("the answer to a claim was lost; its issue is pending again");
      } catch (StoreException e) {
        unanswered = true;
        throw e;
      } finally {
        LogFacts.end();
      }
    }
  }

  /** What the database holds for this worker although the answer to the claim was lost. */
  List<Claim> unanswered() {
    if (!unanswered || atWork.isClaiming()) {
      return List.of();
    }
    unanswered = false;
    try {
      List<Claim> held = heldBy(identity.instance());
      if (!atWork.isClaiming()) {
        return held.stream().filter(claim -> !atWork.holds(claim)).toList();
      }
    } catch (StoreException e) {
      unanswered = true;
      throw e;
    }
    // Of a claim that is under way, nobody knows yet.
    unanswered = true;
    return List.of();
  }

  /** What an instance of this worker has claimed and not settled; without the descriptions. */
  List<Claim> heldBy(UUID instance) {
    return issues.heldBy(identity.id(), instance);
  }

  private void take(ClaimResult look, Duration sent, Consumer<Held> taken) {
    if (look.claim().isEmpty()) {
      return;
    }
    Claim claim = look.claim().get();
    atWork.begun(claim);
    listeners.announce(listener -> listener.claimed(look.waited()));
    taken.accept(new Held(claim, sent));
  }
}
