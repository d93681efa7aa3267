package com.cape.worker.worker;

import com.cape.worker.store.StoreException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The time during which the database does not answer: logged when it begins and when it is over,
 * not for each try. Safe for use by several threads.
 */
final class Outage {
  private static final Logger LOG = LoggerFactory.getLogger(Outage.class);
  private static final Duration FIRST_WAIT = Duration.ofMillis(500);
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(5);

  private Duration wait = FIRST_WAIT;
  private long sinceNanos;
  private boolean lasting;

  /** Takes note of a failure; answers how long to wait before the next try. */
  synchronized Duration failed(StoreException failure) {
    if (!lasting) {
      lasting = true;
      sinceNanos = System.nanoTime();
      wait = FIRST_WAIT;
      LOG.warn("database away; trying again until it is back cause={}", failure.getMessage());
      LOG.debug("database away", failure);
    }
    Duration now = wait;
    wait = wait.multipliedBy(2).compareTo(LONGEST_WAIT) < 0 ? wait.multipliedBy(2) : LONGEST_WAIT;
    return now;
  }

  /** Takes note that the database answered. */
  synchronized void over() {
    if (lasting) {
      lasting = false;
      LOG.info("database back after_s={}", (System.nanoTime() - sinceNanos) / 1_000_000_000);
    }
  }
}
