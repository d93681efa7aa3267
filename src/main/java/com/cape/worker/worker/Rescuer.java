package com.cape.worker.worker;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.ExpiredLease;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.Settled;
import java.time.Duration;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives expired leases back, once each heartbeat period, in a thread of its own. For two periods
 * after its start and after each outage it rescues nobody: the live come first, so that an outage
 * never runs again what is alive. Owned by the worker.
 */
final class Rescuer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Rescuer.class);
  private static final int QUIET_PERIODS = 2;

  private final IssueRepository issues;
  private final EndingRules rules;
  private final Outage outage;
  private final Duration period;
  private final Listeners listeners;
  private final Thread thread = WorkerThread.named("rescuer", this::work);
  private final WakeUp closing = new WakeUp();
  private volatile boolean closed;
  private long quietSinceNanos = System.nanoTime();

  Rescuer(
      IssueRepository issues,
      RetryPolicy retries,
      Outage outage,
      Duration period,
      Listeners listeners) {
    this.issues = issues;
    this.rules = new EndingRules(retries, RandomGenerator.getDefault());
    this.outage = outage;
    this.period = period;
    this.listeners = listeners;
  }

  void start() {
    thread.start();
  }

  private void work() {
    try {
      closing.await(period);
      while (!closed) {
        turn();
        closing.await(period);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** One turn. Never throws: a failure is an outage, which the loop and the heartbeat tell of. */
  void turn() {
    if (outage.lasts()) {
      quietSinceNanos = System.nanoTime();
    }
    Duration quiet = period.multipliedBy(QUIET_PERIODS);
    if (System.nanoTime() - quietSinceNanos < quiet.toNanos()) {
      return;
    }
    try {
      issues.retryRefusals();
      issues.expiredLeases(quiet).forEach(this::rescue);
    } catch (StoreException e) {
      quietSinceNanos = System.nanoTime();
      if (e.kind() != StoreException.Kind.UNAVAILABLE) {
        LOG.error("cannot look for expired leases", e);
      }
    } catch (RuntimeException | OutOfMemoryError e) { // The pool may lack a thread.
      LOG.error("cannot look for expired leases", e);
    }
  }

  private void rescue(ExpiredLease expired) {
    try {
      issues.rescue(expired, rules.lost(expired)).ifPresent(settled -> tell(expired, settled));
    } catch (StoreException e) {
      if (e.ofConnection()) {
        throw e;
      }
      LOG.warn(
          "cannot rescue an issue now; the next turn tries again issue={} cause={}",
          expired.claim().issueId(),
          e.getMessage());
    }
  }

  private void tell(ExpiredLease expired, Settled settled) {
    listeners.announce(WorkerListener::rescued);
    LOG.warn(
        "lease ran out, attempt lost worker={} status={} issue={} attempt={}",
        expired.worker(),
        settled.status().map(IssueStatus::word).orElse("unchanged"),
        expired.claim().issueId(),
        expired.claim().attempt());
  }

  @Override
  public void close() {
    closed = true;
    closing.signal();
    WorkerThread.join(thread);
  }
}
