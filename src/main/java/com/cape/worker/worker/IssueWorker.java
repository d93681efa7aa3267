package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.process.CommandRunner;
import com.cape.worker.store.IssueRepository;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.WorkerIdentity;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The loop: claims one issue, sees its attempt through, and rests only when nothing is due. */
public final class IssueWorker {
  private static final Logger LOG = LoggerFactory.getLogger(IssueWorker.class);
  private static final double JITTER = 0.2;

  private final WorkerIdentity identity;
  private final RunPlan plan;
  private final IssueRepository issues;
  private final Duration lease;
  private final Duration pollInterval;
  private final RandomGenerator random = RandomGenerator.getDefault();
  private final WakeUp wakeUp = new WakeUp();
  private final Outage outage = new Outage();
  private final Heartbeat heartbeat;
  private final AttemptRunner attempts;
  private volatile boolean stopping;

  public IssueWorker(
      WorkerIdentity identity,
      RunPlan plan,
      CommandRunner commands,
      IssueRepository issues,
      RetryPolicy retryPolicy,
      Duration lease,
      Duration pollInterval) {
    this.identity = identity;
    this.plan = plan;
    this.issues = issues;
    this.lease = lease;
    this.pollInterval = pollInterval;
    this.heartbeat = new Heartbeat(issues, lease);
    this.attempts =
        new AttemptRunner(
            identity.id(),
            plan,
            commands,
            issues,
            new EndingRules(retryPolicy, random),
            heartbeat,
            outage);
  }

  /** Works until {@link #stop}; the workflow that runs then may finish. */
  public void run() throws InterruptedException {
    heartbeat.start();
    try (heartbeat) {
      while (!stopping) {
        turn();
      }
    }
  }

  /** No more claims. Any thread. */
  public void stop() {
    stopping = true;
    wakeUp.signal();
  }

  private void turn() throws InterruptedException {
    try {
      boolean worked = runOnce();
      outage.over();
      if (!worked) {
        double factor = 1 - JITTER + 2 * JITTER * random.nextDouble();
        wakeUp.await(Duration.ofMillis(Math.round(pollInterval.toMillis() * factor)));
      }
    } catch (StoreException e) {
      wakeUp.await(outage.failed(e));
    }
  }

  /** Claims at most one issue and sees its attempt through. Returns false when nothing was due. */
  boolean runOnce() throws InterruptedException {
    Optional<Claim> claim = issues.claimNext(identity, plan.issueLogs().toString(), lease);
    if (claim.isEmpty()) {
      return false;
    }
    try {
      attempts.run(claim.get());
      return true;
    } catch (IOException e) {
      LOG.error("cannot start the command issue={}", claim.get().issueId(), e);
      issues.settle(claim.get(), EndingRules.notStarted(claim.get(), e.toString()));
      return false;
    }
  }
}
