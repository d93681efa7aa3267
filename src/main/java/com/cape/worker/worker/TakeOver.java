package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.RunFolder;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.AdoptionRepository;
import com.cape.worker.store.queue.AdoptionRepository.Owner;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerIdentity;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicReference;

/** Asks the database, until it answers, for what earlier processes of the worker held. */
final class TakeOver {
  private final WorkerIdentity identity;
  private final LoopPlan plan;
  private final AdoptionRepository adoptions;
  private final IssueRepository issues;
  private final StoreRetry retry;

  TakeOver(
      WorkerIdentity identity,
      LoopPlan plan,
      AdoptionRepository adoptions,
      IssueRepository issues,
      StoreRetry retry) {
    this.identity = identity;
    this.plan = plan;
    this.adoptions = adoptions;
    this.issues = issues;
    this.retry = retry;
  }

  UUID instance() {
    return identity.instance();
  }

  /**
   * Whose an attempt is now.
   *
   * @param sent when that was about to be asked, on the {@link LeaseClock}: a new lease holds at
   *     least from then on
   */
  record Taken(Owner owner, Duration sent) {}

  /**
   * Takes an attempt over; empty when the worker had to stop before.
   *
   * @param adopts whether its run goes on
   * @param onLocked called each time that somebody holds the attempt's row
   */
  Optional<Taken> ask(UUID runId, boolean adopts, Runnable onLocked) throws InterruptedException {
    var taken = new AtomicReference<Optional<Taken>>(Optional.empty());
    retry.ask(
        "take over " + runId,
        () -> {
          Duration sent = LeaseClock.now();
          try {
            Owner owner =
                adoptions.takeOver(runId, identity, plan.predecessors(), adopts, plan.lease());
            taken.set(Optional.of(new Taken(owner, sent)));
          } catch (StoreException e) {
            if (e.kind() == StoreException.Kind.BUSY) {
              onLocked.run();
            }
            throw e;
          }
        },
        () -> {});
    return taken.get();
  }

  /** What the predecessors on this machine have claimed and not settled. */
  List<Claim> heldByPredecessors() throws InterruptedException {
    List<Claim> held = new ArrayList<>();
    retry.ask(
        "recovery",
        () -> held.addAll(adoptions.heldBy(identity, plan.predecessorsHere())),
        held::clear);
    return held;
  }

  /** Whether somebody has settled or rescued the run. */
  boolean isOver(RunFolder folder) throws InterruptedException {
    var over = new AtomicReference<>(false);
    retry.ask("recovery", () -> over.set(!issues.running(folder.runId())), () -> {});
    return over.get();
  }
}
