package com.cape.worker.worker.state;

import static java.util.Objects.requireNonNull;

import com.cape.worker.host.ServiceManager;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What the service manager hears: that the worker is ready, what it is at, and that it lives. The
 * last is said by the loop's own thread as it turns, and only while the heartbeat turns, too: a
 * timer would speak for a loop that is dead.
 */
public final class LifeSigns {
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(1);
  private static final Duration SHORTEST_INTERVAL = Duration.ofSeconds(1);
  private static final Duration SHORTEST_LIMIT = Duration.ofMinutes(1);
  private static final int PERIODS = 3;
  private static final int SIGNS_PER_WATCHDOG = 4;

  // How long the loop may take for a turn: as the watchdog of the systemd unit.
  private static final Duration LOOP_LIMIT = Duration.ofMinutes(3);

  private final ServiceManager manager;
  private final Duration heartbeatLimit;
  private final Duration loopLimit;
  private volatile Optional<Long> heartbeatNanos = Optional.empty();
  private volatile Optional<Long> loopNanos = Optional.empty();
  private boolean ready;
  private boolean stopping;
  private boolean withheld;
  private String told = "";
  private long toldNanos;
  private long aliveNanos;

  /**
   * Signs for a worker.
   *
   * @param heartbeatPeriod between two turns of the heartbeat
   */
  public static LifeSigns of(ServiceManager manager, Duration heartbeatPeriod) {
    Duration limit = heartbeatPeriod.multipliedBy(PERIODS);
    return new LifeSigns(
        manager, limit.compareTo(SHORTEST_LIMIT) < 0 ? SHORTEST_LIMIT : limit, LOOP_LIMIT);
  }

  /**
   * The same, for tests.
   *
   * @param heartbeatLimit how old the heartbeat's last turn may be
   * @param loopLimit how old the loop's may be
   */
  LifeSigns(ServiceManager manager, Duration heartbeatLimit, Duration loopLimit) {
    this.manager = requireNonNull(manager);
    this.heartbeatLimit = requireNonNull(heartbeatLimit);
    this.loopLimit = requireNonNull(loopLimit);
  }

  /** The heartbeat turns, and is to go on doing so. Its thread calls this. */
  public void heartbeatTurned() {
    heartbeatNanos = Optional.of(System.nanoTime());
  }

  /** The worker waits for the database before its first turn. Called for each try. */
  public synchronized void waiting() {
    tell(() -> StatusLine.WAITING);
  }

  /**
   * The loop turns. Its thread calls this.
   *
   * @param status asked for only where somebody listens
   */
  public synchronized void turned(Supplier<String> status) {
    loopNanos = Optional.of(System.nanoTime());
    tell(status);
  }

  /**
   * Whether loop and heartbeat both turn, as far as they have begun to. Any thread may ask, for
   * those who ask a worker instead of being told.
   */
  public boolean alive() {
    long now = System.nanoTime();
    return heartbeatTurns(now) && turns(loopNanos, loopLimit, now);
  }

  private void tell(Supplier<String> status) {
    if (!manager.listens()) {
      return;
    }
    long now = System.nanoTime();
    List<String> facts = new ArrayList<>();
    if (!ready) {
      facts.add("READY=1");
      ready = true;
    }
    String line = status.get();
    withheld = !line.equals(told) && isWithin(SHORTEST_INTERVAL, toldNanos, now) && facts.isEmpty();
    if (!line.equals(told) && !withheld) {
      facts.add("STATUS=" + line);
      told = line;
      toldNanos = now;
    }
    if (aliveIsDue(now) && heartbeatTurns(now)) {
      facts.add("WATCHDOG=1");
      aliveNanos = now;
    }
    if (!facts.isEmpty()) {
      manager.tell(facts.toArray(String[]::new));
    }
  }

  private boolean aliveIsDue(long now) {
    return manager.watchdog().isPresent() && !isWithin(interval(), aliveNanos, now);
  }

  private boolean heartbeatTurns(long now) {
    return turns(heartbeatNanos, heartbeatLimit, now);
  }

  private static boolean turns(Optional<Long> lastNanos, Duration limit, long now) {
    return lastNanos.isEmpty() || now - lastNanos.get() < limit.toNanos();
  }

  private static boolean isWithin(Duration limit, long sinceNanos, long now) {
    return sinceNanos != 0 && now - sinceNanos < limit.toNanos();
  }

  /** How soon the loop is to turn again. */
  public synchronized Duration longestWait() {
    if (withheld) {
      return SHORTEST_INTERVAL;
    }
    return interval();
  }

  private Duration interval() {
    return manager
        .watchdog()
        .map(limit -> limit.dividedBy(SIGNS_PER_WATCHDOG))
        .orElse(LONGEST_WAIT);
  }

  /** The worker stops within the time that the service manager gives it. */
  public synchronized void stopping() {
    if (!stopping) {
      stopping = true;
      manager.tell("STOPPING=1");
    }
  }
}
