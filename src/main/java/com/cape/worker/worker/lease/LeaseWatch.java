package com.cape.worker.worker.lease;

import com.cape.worker.host.WorkerThread;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.StopReason;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.Attempts;
import com.cape.worker.worker.state.LeaseTimes;
import com.cape.worker.worker.wakeup.WakeUp;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stops a run whose lease could not be extended in time, in a thread that no database can hold up.
 */
public final class LeaseWatch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(LeaseWatch.class);
  private static final Duration INTERVAL = Duration.ofMillis(250);

  private final Attempts attempts;
  private final LeaseTimes times;
  private final WakeUp closing = new WakeUp();
  private final Thread thread = WorkerThread.named("lease-watch", this::work);
  private volatile boolean closed;

  public LeaseWatch(Attempts attempts, LeaseTimes times) {
    this.attempts = attempts;
    this.times = times;
  }

  public void start() {
    thread.start();
  }

  private void work() {
    try {
      while (!closed) {
        attempts.held().forEach(this::stopIfOverdue);
        // A lease lasts ten periods: an attempt that begins meanwhile is seen in time.
        closing.await(attempts.count() == 0 ? times.period() : INTERVAL);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  void stopIfOverdue(Attempt attempt) {
    try {
      Duration age = LeaseClock.now().minus(attempt.renewed());
      if (age.compareTo(times.limit()) >= 0 && attempt.stop(StopReason.LEASE_LOST)) {
        LOG.warn(
            "lease not extended in time, stopping the run issue={}", attempt.claim().issueId());
      }
    } catch (RuntimeException | OutOfMemoryError e) {
      // Its guardian has the deadline.
      LOG.error("cannot stop a run whose lease was not extended run={}", attempt.runId(), e);
    }
  }

  @Override
  public void close() {
    closed = true;
    closing.signal();
    WorkerThread.join(thread);
  }
}
