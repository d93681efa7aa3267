package com.cape.worker.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.cape.worker.config.Secrets;
import com.cape.worker.http.Allowance;
import com.cape.worker.http.Json;
import com.cape.worker.http.WebResponse;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.read.History;
import com.cape.worker.store.read.HistoryRepository;
import com.cape.worker.store.read.Overview;
import com.cape.worker.store.read.OverviewRepository;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the fleet stands, read once for all pages, and only while somebody asks. A thread of its own
 * reads, so that a database that hangs keeps no page waiting. Reading takes about one percent of
 * the database's time at most: where it is slow, it is seldom.
 */
final class Snapshot implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Snapshot.class);

  private static final Duration LEAST_AGE = Duration.ofMillis(900);
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final Duration SILENCE = Duration.ofSeconds(3);
  private static final Duration FORGOTTEN = Duration.ofSeconds(10);
  private static final double SHARE = 0.01;
  private static final Duration SAVED_UP = Duration.ofMillis(200);
  private static final double HISTORY_SHARE = 0.004;
  private static final Duration HISTORY_SAVED_UP = Duration.ofMillis(100);
  // What reading costs beside the counting.
  private static final Duration BESIDE = Duration.ofMillis(1);

  private final OverviewRepository overviews;
  private final HistoryRepository histories;
  private final Thread thread = new Thread(this::readOnAndOn, "cape-snapshot");

  // All of them guarded by this.
  private boolean closed;
  private boolean wanted;
  private boolean reading;
  private long readingSince;
  private boolean changed;
  private long notBefore = System.nanoTime();
  private Optional<Overview> overview = Optional.empty();
  private Optional<History> history = Optional.empty();
  private Optional<String> trouble = Optional.of("the database has not answered yet");
  private long readAt = System.nanoTime() - FORGOTTEN.toNanos();
  private byte[] answer = new byte[0];

  private Snapshot(Database database) {
    this.overviews = new OverviewRepository(requireNonNull(database));
    this.histories = new HistoryRepository(database);
  }

  static Snapshot of(Database database) {
    var snapshot = new Snapshot(database);
    snapshot.render();
    snapshot.thread.setDaemon(true);
    snapshot.thread.start();
    return snapshot;
  }

  /** As it stands; a moment old where it has been read of late, or where the database is slow. */
  WebResponse current() {
    return new WebResponse(200, WebResponse.JSON, Map.of(), bytes());
  }

  private synchronized byte[] bytes() {
    long asked = System.nanoTime();
    if (!reading && (changed || asked - notBefore >= 0)) {
      wanted = true;
      notifyAll();
    }
    long left = PATIENCE.toNanos();
    try {
      while ((wanted || reading) && left > 0 && !closed) {
        Duration wait = Duration.ofNanos(left);
        wait(wait.toMillis(), wait.toNanosPart() % 1_000_000);
        left = asked + PATIENCE.toNanos() - System.nanoTime();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (reading && System.nanoTime() - readingSince > SILENCE.toNanos() && trouble.isEmpty()) {
      trouble = Optional.of("the database does not answer");
      render();
    }
    return answer;
  }

  /** Why nothing can be had from the database, as of the last look. */
  synchronized Optional<String> unavailable() {
    boolean old = System.nanoTime() - readAt > FORGOTTEN.toNanos();
    return trouble.filter(why -> !old);
  }

  /** Somebody changed something and wants to see it. */
  synchronized void changed() {
    changed = true;
  }

  private void readOnAndOn() {
    var allowance = new Allowance(SHARE, SAVED_UP, System.nanoTime());
    var historyAllowance = new Allowance(HISTORY_SHARE, HISTORY_SAVED_UP, System.nanoTime());
    try {
      while (awaitWanted()) {
        long start = System.nanoTime();
        try {
          Overview read = overview();
          allowance.spend(read.counting().plus(BESIDE));
          Optional<History> past = Optional.empty();
          if (historyAllowance.some(System.nanoTime())) {
            long startOfHistory = System.nanoTime();
            past = Optional.of(histories.history());
            historyAllowance.spend(Duration.ofNanos(System.nanoTime() - startOfHistory));
          }
          readWell(read, past);
        } catch (StoreException e) {
          failed(e.getMessage());
        } catch (RuntimeException e) {
          LOG.error("the overview cannot be read", e);
          failed("the overview cannot be read: " + e);
        }
        rest(start, allowance);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Tried twice where it worked before: a server ends connections that are idle for long. */
  private Overview overview() {
    try {
      return overviews.overview();
    } catch (StoreException e) {
      if (e.kind() != StoreException.Kind.UNAVAILABLE || unavailable().isPresent()) {
        throw e;
      }
      return overviews.overview();
    }
  }

  private synchronized boolean awaitWanted() throws InterruptedException {
    while (!wanted && !closed) {
      wait();
    }
    wanted = false;
    changed = false;
    reading = true;
    readingSince = System.nanoTime();
    return !closed;
  }

  private synchronized void readWell(Overview read, Optional<History> past) {
    overview = Optional.of(read);
    history = past.or(() -> history);
    trouble = Optional.empty();
    render();
  }

  private synchronized void failed(String why) {
    trouble = Optional.of(Secrets.mask(why));
    render();
  }

  private synchronized void rest(long start, Allowance allowance) {
    reading = false;
    readAt = System.nanoTime();
    notifyAll();
    long next = start + LEAST_AGE.toNanos();
    while (!allowance.some(next)) {
      next += LEAST_AGE.toNanos();
    }
    notBefore = next;
  }

  private synchronized void render() {
    Json json = new Json().with("database_ok", trouble.isEmpty());
    trouble.ifPresent(why -> json.with("error", why));
    json.with("as_of", overview.map(Overview::now));
    overview.ifPresent(read -> json.withAll(JsonViews.overview(read)));
    history.ifPresent(
        past -> {
          Instant now = overview.map(Overview::now).orElse(past.now());
          json.withAll(new Charts(past, now).json());
        });
    answer = json.toString().getBytes(UTF_8);
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    thread.interrupt();
    try {
      thread.join(PATIENCE.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
