package com.cape.worker.worker;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.RescueRepository;
import com.cape.worker.store.queue.Rescued;
import java.time.Duration;
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

  private final RescueRepository rescues;
  private final RetryPolicy retries;
  private final Outage outage;
  private final Duration period;
  private final Listeners listeners;
  private final Thread thread = WorkerThread.named("rescuer", this::work);
  private final WakeUp closing = new WakeUp();
  private volatile boolean closed;
  private long quietSinceNanos = System.nanoTime();

  Rescuer(
      RescueRepository rescues,
      RetryPolicy retries,
      Outage outage,
      Duration period,
      Listeners listeners) {
    this.rescues = rescues;
    this.retries = retries;
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
      rescues.rescueExpired(retries, quiet).forEach(this::tell);
    } catch (StoreException e) {
      quietSinceNanos = System.nanoTime();
      if (e.kind() != StoreException.Kind.UNAVAILABLE) {
        LOG.error("cannot look for expired leases", e);
      }
    } catch (RuntimeException | OutOfMemoryError e) { // The pool may lack a thread.
      LOG.error("cannot look for expired leases", e);
    }
  }

  private void tell(Rescued rescued) {
    listeners.announce(WorkerListener::rescued);
    LOG.warn(
        "lease ran out, attempt lost worker={} status={} issue={} attempt={}",
        rescued.worker(),
        rescued.status().map(IssueStatus::word).orElse("unchanged"),
        rescued.issueId(),
        rescued.attempt());
  }

  @Override
  public void close() {
    closed = true;
    closing.signal();
    WorkerThread.join(thread);
  }
}
