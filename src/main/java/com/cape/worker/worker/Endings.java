package com.cape.worker.worker;

import com.cape.worker.ending.EndingRules;
import com.cape.worker.ending.OutputCause;
import com.cape.worker.issue.Claim;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.run.Ending;
import com.cape.worker.run.RunOutput;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.pause.PauseOrder;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.Settlement;
import com.cape.worker.worker.state.Breaker;
import com.cape.worker.worker.state.OutcomeRules;
import com.cape.worker.worker.state.OutcomeRules.End;
import com.cape.worker.worker.state.OutcomeRules.Scopes;
import java.time.Instant;
import java.time.ZoneId;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds out why runs have ended, and what follows. Safe for use by several threads. */
final class Endings {
  private static final Logger LOG = LoggerFactory.getLogger(Endings.class);
  private static final Set<Outcome> SERIES =
      Set.of(Outcome.FAILED, Outcome.TIMED_OUT, Outcome.OUTPUT_LIMIT, Outcome.OVERLOADED);

  private final OutcomeRules rules;
  private final EndingRules recognised;
  private final IssueRepository issues;
  private final PauseRepository pauses;
  private final String account;
  private final Scopes scopes;
  private final Breaker breaker;

  Endings(
      EndingPlan plan,
      WorkerId worker,
      OutcomeRules rules,
      IssueRepository issues,
      PauseRepository pauses) {
    this.rules = rules;
    this.recognised = plan.rules();
    this.issues = issues;
    this.pauses = pauses;
    this.account = plan.account();
    this.scopes = new Scopes(PauseScope.account(account), PauseScope.worker(worker));
    this.breaker = new Breaker(worker.value(), scopes, plan.pacing());
  }

  /** How a run ended; read once, for the folder may be gone at the next try to settle it. */
  End of(Claim claim, Ending ending, RunOutput output) {
    Instant now = Instant.now();
    boolean stopped = ending.stopReason().isPresent();
    return new End(
        claim,
        ending,
        stopped
            ? Optional.empty()
            : recognised.judge(ending.exitCode(), output.raw(), now, ZoneId.systemDefault()),
        OutputCause.of(output.raw()),
        output.tail(),
        now,
        scopes);
  }

  Settlement settlement(End end) {
    return rules.settle(end, outcome -> issues.streak(end.claim().issueId(), outcome));
  }

  /** After a failure, looks for a series of them. */
  void settled(Claim claim, Settlement settlement) {
    if (!SERIES.contains(settlement.outcome())) {
      return;
    }
    try {
      Optional<PauseOrder> order = breaker.judge(pauses.lastEnds(account));
      if (order.isPresent() && pauses.order(order.get(), claim.issueId())) {
        LOG.warn("{} rests: {}", order.get().scope(), order.get().reason());
      }
    } catch (StoreException e) {
      LOG.warn("cannot look for a series of failures; the next one does cause={}", e.getMessage());
    }
  }
}
