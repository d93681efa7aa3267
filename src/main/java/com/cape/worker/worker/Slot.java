package com.cape.worker.worker;

import com.cape.worker.store.queue.NoClaimReason;
import com.cape.worker.worker.Recovery.Adopted;
import com.cape.worker.worker.Settler.Next;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.Attempts;
import com.cape.worker.worker.state.Drain;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Claims an issue, runs it, settles it, again. One thread, from the claim to the settle. */
final class Slot implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(Slot.class);
  private static final Duration AFTER_AN_ERROR = Duration.ofSeconds(2);

  private final ClaimLine line;
  private final AttemptRunner runner;
  private final Attempts attempts;
  private final Drain drain;
  private final Optional<Adopted> adopted;
  private final BooleanSupplier surplus;

  /**
   * @param adopted what it begins with
   * @param surplus asked after that: whether the worker has slots enough without this one
   */
  Slot(
      ClaimLine line,
      AttemptRunner runner,
      Attempts attempts,
      Drain drain,
      Optional<Adopted> adopted,
      BooleanSupplier surplus) {
    this.line = line;
    this.runner = runner;
    this.attempts = attempts;
    this.drain = drain;
    this.adopted = adopted;
    this.surplus = surplus;
  }

  @Override
  public void run() {
    Optional<NoClaimReason> known = Optional.empty();
    try {
      if (adopted.isPresent()) {
        finish(adopted.get());
        if (surplus.getAsBoolean()) {
          return;
        }
      }
      for (Optional<Attempt> attempt = next(known); attempt.isPresent(); attempt = next(known)) {
        known = runAll(attempt.get());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** A slot outlives any error: nobody would replace it. */
  private Optional<Attempt> next(Optional<NoClaimReason> known) throws InterruptedException {
    while (true) {
      try {
        return line.next(known);
      } catch (RuntimeException | Error e) {
        LOG.error("an error in a slot that waits for an issue; going on", e);
        drain.await(AFTER_AN_ERROR);
      }
    }
  }

  /** Runs the attempt, and those that are claimed with a settle. */
  private Optional<NoClaimReason> runAll(Attempt first) throws InterruptedException {
    Next next = new Next(Optional.of(first), Optional.empty());
    while (next.attempt().isPresent()) {
      next = runOne(next.attempt().get());
    }
    return next.reason();
  }

  private void finish(Adopted first) throws InterruptedException {
    try {
      runner.finish(first);
    } catch (RuntimeException | Error e) {
      LOG.error("an error in a slot; the attempt's lease will expire", e);
    } finally {
      attempts.remove(first.attempt());
    }
  }

  private Next runOne(Attempt attempt) throws InterruptedException {
    try {
      return runner.run(attempt);
    } catch (RuntimeException | Error e) {
      LOG.error("an error in a slot; the attempt's lease will expire run={}", attempt.runId(), e);
      return Next.UNKNOWN;
    } finally {
      attempts.remove(attempt);
    }
  }
}
