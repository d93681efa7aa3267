package com.cape.worker.worker;

import com.cape.worker.store.StoreException;
import com.cape.worker.worker.state.DatabaseAvailability;
import com.cape.worker.worker.state.Drain;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Asks the database again and again until it answers. Safe for use by several threads. */
final class StoreRetry {
  private static final Logger LOG = LoggerFactory.getLogger(StoreRetry.class);
  // For a database that does not answer while the worker is to stop at once.
  private static final Duration LAST_TRIES = Duration.ofSeconds(30);
  private static final Duration AFTER_AN_ERROR = Duration.ofSeconds(2);

  private final DatabaseAvailability database;
  private final Drain drain;

  StoreRetry(DatabaseAvailability database, Drain drain) {
    this.database = database;
    this.drain = drain;
  }

  /**
   * Asks until the database answers.
   *
   * @param who asks
   * @param onFailure called after each try that failed
   * @return false when it was given up: the worker had to stop, or an error of ours lasts
   */
  boolean ask(String who, Runnable question, Runnable onFailure) throws InterruptedException {
    Optional<Long> hurriedNanos = Optional.empty();
    while (true) {
      Throwable failure;
      Duration wait;
      boolean hurried = drain.stage() == Drain.Stage.INTERRUPTING;
      try {
        question.run();
        database.answered(who);
        return true;
      } catch (StoreException e) {
        failure = e;
        wait = database.failed(who, e);
      } catch (RuntimeException e) {
        failure = e;
        wait = AFTER_AN_ERROR;
        hurried = true;
      } catch (OutOfMemoryError e) { // The pool may lack a thread.
        failure = e;
        wait = AFTER_AN_ERROR;
        LOG.error("cannot ask the database; trying again", e);
      }
      onFailure.run();
      if (hurried) {
        hurriedNanos = hurriedNanos.or(() -> Optional.of(System.nanoTime()));
        if (System.nanoTime() - hurriedNanos.get() > LAST_TRIES.toNanos()) {
          LOG.error("gave up asking the database who={}", who, failure);
          database.answered(who);
          return false;
        }
      } else {
        hurriedNanos = Optional.empty();
      }
      drain.await(wait);
    }
  }
}
