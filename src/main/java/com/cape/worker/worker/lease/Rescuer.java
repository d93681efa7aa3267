package com.cape.worker.worker.lease;

import com.cape.worker.host.WorkerThread;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.ExpiredLease;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.Settled;
import com.cape.worker.worker.state.DatabaseAvailability;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.OutcomeRules;
import com.cape.worker.worker.state.WorkerListener;
import com.cape.worker.worker.wakeup.WakeUp;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives expired leases back, and repeats what an issue's row has refused, once each heartbeat
 * period in a thread of its own. For two periods after its start and after each outage it rescues
 * nobody: a live worker extends its leases first.
 */
public final class Rescuer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Rescuer.class);
  private static final int QUIET_PERIODS = 2;
  private static final int TURNS_PER_RETRY = 4;

  private final IssueRepository issues;
  private final OutcomeRules rules;
  private final DatabaseAvailability database;
  private final Duration period;
  private final Listeners listeners;
  private final Thread thread = WorkerThread.named("rescuer", this::work);
  private final WakeUp closing = new WakeUp();
  private volatile boolean closed;
  private long quietSinceNanos = System.nanoTime();
  private long turns;

  public Rescuer(
      IssueRepository issues,
      OutcomeRules rules,
      DatabaseAvailability database,
      Duration period,
      Listeners listeners) {
    this.issues = issues;
    this.rules = rules;
    this.database = database;
    this.period = period;
    this.listeners = listeners;
  }

  public void start() {
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

  /** One turn. Never throws: the slots and the heartbeat report an outage. */
  public void turn() {
    if (!database.available()) {
      quietSinceNanos = System.nanoTime();
    }
    Duration quiet = period.multipliedBy(QUIET_PERIODS);
    if (System.nanoTime() - quietSinceNanos < quiet.toNanos()) {
      return;
    }
    try {
      List<ExpiredLease> expired = issues.expiredLeases(quiet);
      expired.forEach(this::rescue);
      if (turns++ % TURNS_PER_RETRY == 0) {
        issues.retryRefusals();
      }
    } catch (StoreException e) {
      quietSinceNanos = System.nanoTime();
      if (e.kind() != StoreException.Kind.UNAVAILABLE) {
        LOG.error("cannot look for expired leases cause={}", e.getMessage());
      }
    } catch (RuntimeException | OutOfMemoryError e) { // The pool may lack a thread.
      LOG.error("cannot look for expired leases", e);
    }
  }

  /** A row that somebody holds, or that refuses, is left to the next turn and stops no other. */
  private void rescue(ExpiredLease expired) {
    try {
      Optional<Settled> settled = issues.rescue(expired, rules.lost(expired));
      settled.ifPresent(written -> announce(expired, written));
    } catch (StoreException e) {
      if (e.kind() == StoreException.Kind.UNAVAILABLE) {
        throw e;
      }
      LOG.warn(
          "cannot rescue an issue now; trying again issue={} cause={}",
          expired.claim().issueId(),
          e.getMessage());
    }
  }

  private void announce(ExpiredLease expired, Settled settled) {
    listeners.announce(WorkerListener::rescued);
    LOG.warn(
        "lease expired, attempt lost worker={} status={} issue={} attempt={}",
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
