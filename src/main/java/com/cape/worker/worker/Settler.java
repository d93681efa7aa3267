package com.cape.worker.worker;

import com.cape.worker.run.Ending;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.RunFolder;
import com.cape.worker.run.RunOutput;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.ClaimResult;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.IssueRepository.SettledAndClaimed;
import com.cape.worker.store.queue.NoClaimReason;
import com.cape.worker.store.queue.Settled;
import com.cape.worker.store.queue.Settlement;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.Attempts;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.OutcomeRules;
import com.cape.worker.worker.state.OutcomeRules.End;
import com.cape.worker.worker.state.WorkerListener.Write;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes how attempts ended, and lets go of one only when the database has answered. If it does not
 * answer, the result is first written to disk, for a successor. Safe for use by several threads.
 */
final class Settler {
  private static final Logger LOG = LoggerFactory.getLogger(Settler.class);

  private final IssueRepository issues;
  private final Claims claims;
  private final Endings endings;
  private final Attempts attempts;
  private final StoreRetry retry;
  private final ClaimLine line;
  private final Listeners listeners;
  private final AtomicInteger unsettled = new AtomicInteger();

  Settler(
      IssueRepository issues,
      Claims claims,
      Endings endings,
      Attempts attempts,
      StoreRetry retry,
      ClaimLine line,
      Listeners listeners) {
    this.issues = issues;
    this.claims = claims;
    this.endings = endings;
    this.attempts = attempts;
    this.retry = retry;
    this.line = line;
    this.listeners = listeners;
  }

  /**
   * What a slot goes on with.
   *
   * @param reason why there is no attempt, where the database was asked
   */
  record Next(Optional<Attempt> attempt, Optional<NoClaimReason> reason) {
    static final Next UNKNOWN = new Next(Optional.empty(), Optional.empty());
  }

  /** How many results the database never took. */
  int unsettled() {
    return unsettled.get();
  }

  /** Settles a run that has ended, claims the next issue with it, and deletes the run's folder. */
  Next settle(Attempt attempt, RunFolder folder, Ending ending, RunOutput output)
      throws InterruptedException {
    End end = endings.of(attempt.claim(), ending, output);
    // What failed may have this worker rest before it claims again.
    return settle(attempt, folder, result(folder, end), end.isSuccess() && line.mayClaim());
  }

  /** The same for a run that no slot waits for: nothing is claimed. */
  void settleAlone(Attempt attempt, RunFolder folder, Ending ending, RunOutput output)
      throws InterruptedException {
    settle(attempt, folder, result(folder, endings.of(attempt.claim(), ending, output)), false);
  }

  private Result result(RunFolder folder, End end) {
    reportSurvivors(end.ending());
    return new Result(
        () -> endings.settlement(end),
        () -> folder.keep(end.ending()),
        end.ending().ran(),
        Attempt.State.SETTLED);
  }

  /** Gives an issue back whose run was not started. */
  void giveBack(Attempt attempt, RunFolder folder, String cause) throws InterruptedException {
    settle(
        attempt,
        folder,
        new Result(
            () -> OutcomeRules.notStarted(attempt.claim(), cause),
            () -> folder.keepNotStarted(cause),
            Duration.ZERO,
            Attempt.State.GIVEN_BACK),
        false);
  }

  /** Keeps a result on disk, for a successor. */
  private interface Keeping {
    void keep() throws IOException;
  }

  private record Result(
      Supplier<Settlement> deciding, Keeping keeping, Duration ran, Attempt.State last) {}

  private Next settle(Attempt attempt, RunFolder folder, Result result, boolean claimsNext)
      throws InterruptedException {
    var settling = new Settling(attempt, result, claimsNext);
    boolean answered =
        retry.ask("settle " + attempt.runId(), settling::tryOnce, settling::keepOnce);
    attempts.remove(attempt);
    if (!answered) {
      attempt.close(Attempt.State.LOST);
      unsettled.incrementAndGet();
      LOG.error("result not recorded; it stays on disk for the next start of this worker");
      return Next.UNKNOWN;
    }
    folder.delete();
    if (settling.unanswered.isEmpty()) {
      return settling.next;
    }
    UUID runId = settling.unanswered.get();
    retry.ask("find a claim", () -> settling.found = claims.find(runId), () -> {});
    if (!line.mayClaim()) {
      settling.found.ifPresent(found -> found.stop(StopReason.INTERRUPTED));
    }
    return new Next(settling.found, Optional.empty());
  }

  /** One attempt on its way into the database. */
  private final class Settling {
    private final Attempt attempt;
    private final Result result;
    private final boolean claimsNext;
    private int tries;
    private boolean kept;
    private Optional<UUID> unanswered = Optional.empty();
    private Optional<Attempt> found = Optional.empty();
    private Next next = Next.UNKNOWN;

    private Settling(Attempt attempt, Result result, boolean claimsNext) {
      this.attempt = attempt;
      this.result = result;
      this.claimsNext = claimsNext;
    }

    private void tryOnce() {
      tries++;
      Settlement settlement = result.deciding().get();
      Optional<Settled> settled =
          claimsNext && tries == 1
              ? settleAndClaim(settlement)
              : issues.settle(attempt.claim(), settlement);
      boolean written = settled.isPresent() || (tries > 1 && wroteBefore(settlement));
      log(settlement, settled, tries > 1);
      attempt.close(written ? result.last() : Attempt.State.LOST);
      if (written) {
        endings.settled(attempt.claim(), settlement);
      }
      listeners.announce(
          listener -> {
            if (written) {
              listener.settled(settlement.outcome(), result.ran());
            } else {
              listener.fenced(Write.SETTLE);
            }
          });
    }

    private Optional<Settled> settleAndClaim(Settlement settlement) {
      UUID runId = UUID.randomUUID();
      unanswered = Optional.of(runId);
      Duration sent = LeaseClock.now();
      SettledAndClaimed both = claims.settleAndClaim(attempt, settlement, runId);
      Optional<ClaimResult> claimed = both.claimed();
      next =
          new Next(
              claimed
                  .flatMap(ClaimResult::claim)
                  .map(claim -> claims.take(claim, claimed.get().waited(), sent)),
              claimed.filter(answer -> answer.claim().isEmpty()).map(ClaimResult::idle));
      if (claimed.isPresent()) {
        unanswered = Optional.empty();
      }
      return both.settled();
    }

    /**
     * Whether an earlier try was taken, and only its answer lost. Never throws: another try would
     * settle what is settled.
     */
    private boolean wroteBefore(Settlement settlement) {
      try {
        return issues.outcome(attempt.runId()).equals(Optional.of(settlement.outcome()));
      } catch (StoreException e) {
        LOG.debug("cannot ask whether an earlier try was taken", e);
        return true;
      }
    }

    private void keepOnce() {
      if (kept) {
        return;
      }
      try {
        result.keeping().keep();
        kept = true;
      } catch (IOException e) {
        if (tries == 1) {
          LOG.warn("cannot keep a result on disk; trying again cause={}", e.toString());
        }
      }
    }
  }

  private void reportSurvivors(Ending ending) {
    ending
        .survivors()
        .forEach(left -> LOG.error("could not end a process of the run process={}", left));
    int left = ending.survivors().size();
    if (ending.outlived() + left > 0) {
      listeners.announce(listener -> listener.outlived(ending.outlived(), left));
    }
  }

  private static void log(Settlement settlement, Optional<Settled> settled, boolean tried) {
    String outcome = settlement.outcome().word();
    if (settled.isEmpty()) {
      LOG.warn(
          tried
              ? "nothing written: an earlier try was taken, or the lease is lost outcome={}"
              : "lease lost, nothing written outcome={}",
          outcome);
      return;
    }
    if (settled.get().refusal().isPresent()) {
      LOG.error(
          "the issue does not take how its attempt ended; it is written later outcome={} cause={}",
          outcome,
          settled.get().refusal().get());
      return;
    }
    if (settled.get().status().isEmpty()) {
      LOG.warn("issue deleted or claimed again, attempt closed alone outcome={}", outcome);
      return;
    }
    switch (settled.get().status().get()) {
      case COMPLETED -> LOG.info("issue completed");
      case CANCELLED -> LOG.info("issue cancelled");
      case FAILED -> LOG.error("issue failed cause={}", firstLine(settlement));
      case PENDING ->
          LOG.warn(
              "issue pending again backoff_s={} cause={}",
              settlement.backoff().map(Duration::toMillis).orElse(0L) / 1000.0,
              firstLine(settlement));
      case STARTED -> LOG.warn("issue started again by a trigger outcome={}", outcome);
    }
  }

  private static String firstLine(Settlement settlement) {
    return settlement.error().flatMap(text -> text.lines().findFirst()).orElse("none");
  }
}
