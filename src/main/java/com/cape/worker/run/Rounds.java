package com.cape.worker.run;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Does some things again and again for as long as there are any. One that comes and goes between
 * two rounds wakes no thread, unlike a task of its own. Safe for use by several threads.
 */
public final class Rounds {
  private static final Logger LOG = LoggerFactory.getLogger(Rounds.class);

  private final ScheduledExecutorService thread;
  private final Duration interval;
  private final Set<Runnable> things = new LinkedHashSet<>();
  private Future<?> going = CompletableFuture.completedFuture(null);

  /**
   * None yet.
   *
   * @param thread where they are done, one after the other
   * @param interval between the end of a round and the next one
   */
  public Rounds(ScheduledExecutorService thread, Duration interval) {
    this.thread = thread;
    this.interval = interval;
  }

  /** Has it done from the next round on. */
  public synchronized void add(Runnable thing) {
    things.add(thing);
    if (going.isDone()) {
      long millis = interval.toMillis();
      going = thread.scheduleWithFixedDelay(this::round, millis, millis, TimeUnit.MILLISECONDS);
    }
  }

  /** It may be under way once more. */
  public synchronized void remove(Runnable thing) {
    things.remove(thing);
  }

  private void round() {
    for (Runnable thing : now()) {
      try {
        thing.run();
      } catch (RuntimeException | Error e) { // It would end the rounds for all others.
        LOG.error("a look has failed; it is tried again", e);
      }
    }
  }

  private synchronized List<Runnable> now() {
    if (things.isEmpty()) {
      going.cancel(false);
    }
    return List.copyOf(things);
  }
}
