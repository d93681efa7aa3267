package com.cape.worker.worker;

import com.cape.worker.worker.Settler.Next;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.Attempts;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Claims an issue, runs it, settles it, again. One thread, from the claim to the settle. */
final class Slot implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(Slot.class);

  private final ClaimLine line;
  private final AttemptRunner runner;
  private final Attempts attempts;

  Slot(ClaimLine line, AttemptRunner runner, Attempts attempts) {
    this.line = line;
    this.runner = runner;
    this.attempts = attempts;
  }

  @Override
  public void run() {
    try {
      Next next = new Next(line.next(Next.UNKNOWN.reason()), Next.UNKNOWN.reason());
      while (next.attempt().isPresent()) {
        next = see(next.attempt().get());
        if (next.attempt().isEmpty()) {
          next = new Next(line.next(next.reason()), Next.UNKNOWN.reason());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Next see(Attempt attempt) throws InterruptedException {
    try {
      return runner.run(attempt);
    } catch (RuntimeException | OutOfMemoryError e) {
      LOG.error("an error in a slot; the attempt's lease will expire run={}", attempt.runId(), e);
      return Next.UNKNOWN;
    } finally {
      attempts.remove(attempt);
    }
  }
}
