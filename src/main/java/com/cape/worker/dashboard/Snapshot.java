package com.cape.worker.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.cape.worker.config.Secrets;
import com.cape.worker.http.Json;
import com.cape.worker.http.SharedAnswer;
import com.cape.worker.http.WebResponse;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.read.History;
import com.cape.worker.store.read.Overview;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How the fleet stands, read once for all pages, and only while somebody asks. Reading takes about
 * one percent of the database's time at most: a slow database is asked less often.
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

  private final Database database;
  private final Allowance allowance = new Allowance(SHARE, SAVED_UP);
  private final Allowance historyAllowance = new Allowance(HISTORY_SHARE, HISTORY_SAVED_UP);
  private final SharedAnswer<Boolean> reading =
      new SharedAnswer<>("cape-snapshot", this::read, this::holds, PATIENCE);

  // All of them guarded by this.
  private Optional<Long> readingSince = Optional.empty();
  private Optional<Overview> overview = Optional.empty();
  private Optional<History> history = Optional.empty();
  private Optional<String> trouble = Optional.of("the database has not answered yet");
  private long readAt = System.nanoTime() - FORGOTTEN.toNanos();
  private byte[] answer = new byte[0];

  Snapshot(Database database) {
    this.database = requireNonNull(database);
    render();
  }

  /** The last state; a moment old where it was read of late, or where the database is slow. */
  WebResponse current() {
    boolean late = reading.get().isEmpty();
    synchronized (this) {
      boolean silent =
          readingSince.filter(since -> System.nanoTime() - since > SILENCE.toNanos()).isPresent();
      if (late && silent && trouble.isEmpty()) {
        trouble = Optional.of("the database does not answer");
        render();
      }
      return new WebResponse(200, WebResponse.JSON, Map.of(), answer);
    }
  }

  /** Why nothing can be had from the database, as of the last look. */
  synchronized Optional<String> unavailable() {
    boolean old = System.nanoTime() - readAt > FORGOTTEN.toNanos();
    return trouble.filter(why -> !old);
  }

  /** Somebody changed something and wants to see it. */
  void forget() {
    reading.forget();
  }

  /** A share of all time that may be spent, a little of which may be saved up. For one thread. */
  private static final class Allowance {
    private final double share;
    private final double mostNanos;
    private double nanos;
    private long counted = System.nanoTime();

    private Allowance(double share, Duration most) {
      this.share = share;
      this.mostNanos = most.toNanos();
      this.nanos = mostNanos;
    }

    private void spend(Duration time) {
      nanos -= time.toNanos();
    }

    private boolean isLeft(long nowNanos) {
      nanos = Math.min(mostNanos, nanos + (nowNanos - counted) * share);
      counted = nowNanos;
      return nanos > 0;
    }
  }

  private boolean read() {
    synchronized (this) {
      readingSince = Optional.of(System.nanoTime());
    }
    try {
      Overview read = overview();
      allowance.spend(read.counting().plus(BESIDE));
      Optional<History> past = Optional.empty();
      if (historyAllowance.isLeft(System.nanoTime())) {
        long start = System.nanoTime();
        past = Optional.of(History.read(database));
        historyAllowance.spend(Duration.ofNanos(System.nanoTime() - start));
      }
      end(Optional.of(read), past, Optional.empty());
    } catch (StoreException e) {
      fail(e.getMessage());
    } catch (RuntimeException e) {
      LOG.error("the overview cannot be read", e);
      fail("the overview cannot be read: " + e);
    }
    return true;
  }

  private void fail(String why) {
    end(Optional.empty(), Optional.empty(), Optional.of(Secrets.mask(why)));
  }

  /** Tried twice where it worked before: a server ends connections that are idle for long. */
  private Overview overview() {
    try {
      return Overview.read(database);
    } catch (StoreException e) {
      if (e.kind() != StoreException.Kind.UNAVAILABLE || unavailable().isPresent()) {
        throw e;
      }
      return Overview.read(database);
    }
  }

  private Duration holds(Duration took) {
    Duration holds = LEAST_AGE.minus(took);
    while (!allowance.isLeft(System.nanoTime() + holds.toNanos())) {
      holds = holds.plus(LEAST_AGE);
    }
    return holds;
  }

  private synchronized void end(
      Optional<Overview> read, Optional<History> past, Optional<String> why) {
    overview = read.or(() -> overview);
    history = past.or(() -> history);
    trouble = why;
    readingSince = Optional.empty();
    readAt = System.nanoTime();
    render();
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
    reading.close();
  }
}
