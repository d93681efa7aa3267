package com.cape.worker.worker.state;

import static java.util.Objects.requireNonNull;

import com.cape.worker.store.StoreException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the database can be reached. An outage is logged when it begins and when everybody who
 * noticed it has had an answer again, not for each try. A statement that the database refuses is no
 * outage. Safe for use by several threads.
 */
public final class DatabaseAvailability {
  private static final Logger LOG = LoggerFactory.getLogger(DatabaseAvailability.class);
  private static final Duration FIRST_WAIT = Duration.ofMillis(500);
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(5);

  private record Failure(boolean outage, Duration nextWait) {}

  private final Listeners listeners;
  private final Duration firstWait;
  private final Duration longestWait;
  private final Map<String, Failure> failures = new HashMap<>();
  // Each is logged once in an outage.
  private final Set<String> causes = new HashSet<>();
  private long sinceNanos;

  public DatabaseAvailability(Listeners listeners) {
    this(listeners, FIRST_WAIT, LONGEST_WAIT);
  }

  /**
   * @param firstWait before the second try; twice as long before each further one
   * @param longestWait between two tries
   */
  public DatabaseAvailability(Listeners listeners, Duration firstWait, Duration longestWait) {
    this.listeners = requireNonNull(listeners);
    this.firstWait = requireNonNull(firstWait);
    this.longestWait = requireNonNull(longestWait);
  }

  /**
   * Of a worker whose heartbeats come so often: its results come before others rescue its issues.
   */
  public static DatabaseAvailability of(Duration heartbeatPeriod, Listeners listeners) {
    return new DatabaseAvailability(listeners, FIRST_WAIT, shorter(heartbeatPeriod, LONGEST_WAIT));
  }

  private static Duration shorter(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  /**
   * Records that a statement failed.
   *
   * @param who sent it; each sender has waits of its own
   * @return how long to wait before the next try
   */
  public synchronized Duration failed(String who, StoreException failure) {
    boolean outage = failure.kind() == StoreException.Kind.UNAVAILABLE;
    Failure before = failures.get(who);
    if (outage && available()) {
      sinceNanos = System.nanoTime();
      causes.clear();
      causes.add(failure.getMessage());
      LOG.warn(
          "database unavailable; trying again until it is back cause={}", failure.getMessage());
      LOG.debug("database unavailable", failure);
      listeners.announce(WorkerListener::databaseUnavailable);
    } else if (outage && causes.add(failure.getMessage())) {
      LOG.warn("database still unavailable cause={}", failure.getMessage());
    } else if (!outage && before == null) {
      LOG.warn(
          "the database does not take a statement; trying again who={} cause={}",
          who,
          failure.getMessage());
      LOG.debug("the database does not take a statement", failure);
    }
    Duration wait = before == null ? firstWait : before.nextWait();
    failures.put(who, new Failure(outage, shorter(wait.multipliedBy(2), longestWait)));
    return wait;
  }

  /** Records that the database answered, or that there is nothing more to ask. */
  public synchronized void answered(String who) {
    boolean before = available();
    failures.remove(who);
    if (!before && available()) {
      LOG.info("database back after_s={}", (System.nanoTime() - sinceNanos) / 1_000_000_000);
      listeners.announce(WorkerListener::databaseBack);
    }
  }

  /** False while somebody's last try did not reach the database. */
  public synchronized boolean available() {
    return failures.values().stream().noneMatch(Failure::outage);
  }
}
