package com.cape.worker.worker;

import static java.util.Objects.requireNonNull;

import com.cape.worker.store.StoreException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The time during which the database does not do what it is asked: logged when it begins and when
 * all who noticed it are well again, not for each try. Safe for use by several threads.
 */
public final class Outage {
  private static final Logger LOG = LoggerFactory.getLogger(Outage.class);
  private static final Duration FIRST_WAIT = Duration.ofMillis(500);
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(5);

  private final Listeners listeners;
  private final Map<String, Duration> nextWaits = new HashMap<>();
  private long sinceNanos;

  public Outage(Listeners listeners) {
    this.listeners = requireNonNull(listeners);
  }

  /**
   * Takes note of a failure.
   *
   * @param who asked the database; each has waits of its own
   * @return how long to wait before the next try
   */
  public synchronized Duration failed(String who, StoreException failure) {
    if (nextWaits.isEmpty()) {
      sinceNanos = System.nanoTime();
      LOG.warn(
          failure.kind() == StoreException.Kind.UNAVAILABLE
              ? "database away; trying again until it is back cause={}"
              : "database refuses; trying again until it takes it cause={}",
          failure.getMessage());
      LOG.debug("database away", failure);
      listeners.announce(WorkerListener::databaseAway);
    }
    Duration wait = nextWaits.getOrDefault(who, FIRST_WAIT);
    Duration twice = wait.multipliedBy(2);
    nextWaits.put(who, twice.compareTo(LONGEST_WAIT) < 0 ? twice : LONGEST_WAIT);
    return wait;
  }

  /** Takes note that the database answered, or that there is nothing more to ask. */
  public synchronized void over(String who) {
    if (nextWaits.remove(who) != null && nextWaits.isEmpty()) {
      LOG.info("database back after_s={}", (System.nanoTime() - sinceNanos) / 1_000_000_000);
      listeners.announce(WorkerListener::databaseBack);
    }
  }

  /** Whether somebody's last try failed. */
  public synchronized boolean lasts() {
    return !nextWaits.isEmpty();
  }
}
