package com.cape.worker.worker.wakeup;

import com.cape.worker.host.WorkerThread;
import com.cape.worker.store.IssueListener;
import com.cape.worker.store.StoreException;
import com.cape.worker.worker.state.Listeners;
import java.time.Duration;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a listener connected, in a thread of its own. A dead connection gives no error: only a
 * notification that was sent from another one and came back shows that others will. Behind a pooler
 * in transaction mode none ever does. Owned by the worker.
 */
public final class Listening implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Listening.class);
  private static final Duration PROBE_PERIOD = Duration.ofSeconds(10);
  private static final double PROBE_JITTER = 0.1;
  private static final Duration PROBE_LIMIT = Duration.ofSeconds(5);
  private static final Duration PROBE_RETRY = Duration.ofSeconds(1);
  private static final int HOPELESS_AFTER = 2;
  private static final Duration HOPELESS_RETRY = Duration.ofMinutes(10);
  private static final Duration FIRST_WAIT = Duration.ofMillis(500);
  private static final Duration LONGEST_WAIT = Duration.ofSeconds(15);
  private static final long NEVER = Long.MAX_VALUE;

  private final Optional<IssueListener> listener;
  private final RandomGenerator random;
  private final Listeners listeners;
  private final WakeUp closing = new WakeUp();
  private volatile boolean closed;
  private volatile boolean up;
  private boolean everUp;
  private boolean logged;
  private int lateInARow;
  private Duration nextWait = FIRST_WAIT;
  private Optional<Thread> thread = Optional.empty();

  /** Without a listener it does nothing. */
  public Listening(Optional<IssueListener> listener, RandomGenerator random, Listeners listeners) {
    this.listener = listener;
    this.random = random;
    this.listeners = listeners;
  }

  /**
   * Begins.
   *
   * @param handler called for each notification
   */
  public void start(NotificationHandler handler) {
    thread =
        listener.map(found -> WorkerThread.named("listener", () -> new Work(found, handler).run()));
    thread.ifPresent(Thread::start);
  }

  /** Whether notifications are known to arrive. */
  public boolean up() {
    return up;
  }

  private final class Work {
    private final IssueListener connection;
    private final NotificationHandler handler;

    private Work(IssueListener connection, NotificationHandler handler) {
      this.connection = connection;
      this.handler = handler;
    }

    private void run() {
      try {
        while (!closed) {
          closing.await(session());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    /** One connection, until it fails. Returns how long to wait before the next one. */
    private Duration session() {
      try {
        connection.connect();
        return listen();
      } catch (StoreException e) {
        down(e.getMessage());
      } catch (RuntimeException e) {
        LOG.error("listener failed", e);
        down(e.toString());
      } finally {
        connection.disconnect();
      }
      return backoff();
    }

    private Duration listen() {
      long originNanos = System.nanoTime();
      long nextProbe = 0;
      long deadline = NEVER;
      while (!closed) {
        long now = System.nanoTime() - originNanos;
        if (now >= deadline) {
          return late();
        }
        if (now >= nextProbe) {
          boolean sent = probe();
          now = System.nanoTime() - originNanos;
          deadline = sent ? now + PROBE_LIMIT.toNanos() : deadline;
          nextProbe = now + (sent ? period() : PROBE_RETRY).toNanos();
        }
        Duration wait = Duration.ofNanos(Math.min(nextProbe, deadline) - now);
        if (connection.await(wait, handler)) {
          deadline = NEVER;
          up();
        }
      }
      return Duration.ZERO;
    }

    /** A probe that cannot be sent says nothing about the listener. */
    private boolean probe() {
      try {
        connection.probe();
        return true;
      } catch (StoreException e) {
        LOG.debug("cannot send a probe", e);
        return false;
      }
    }

    private void up() {
      lateInARow = 0;
      nextWait = FIRST_WAIT;
      logged = false;
      if (!up) {
        up = true;
        everUp = true;
        LOG.info("notifications arrive");
        listeners.announce(listener -> listener.listening(true));
        handler.listeningChanged();
      }
    }

    private Duration late() {
      lateInARow++;
      if (everUp) {
        down("one that was sent did not come back within " + PROBE_LIMIT.toSeconds() + " s");
        return lateInARow == 1 ? Duration.ZERO : backoff();
      }
      connection.unlisten();
      if (lateInARow < HOPELESS_AFTER) {
        return Duration.ZERO;
      }
      log("they come through no pooler in transaction mode; --listen-url may name a direct way");
      return HOPELESS_RETRY;
    }

    private void down(String cause) {
      if (closed) {
        return;
      }
      log(cause);
      if (up) {
        up = false;
        listeners.announce(listener -> listener.listening(false));
        handler.listeningChanged();
      }
    }
  }

  private void log(String cause) {
    if (!logged) {
      logged = true;
      LOG.warn("no notifications; polling until they arrive cause={}", cause);
    }
  }

  private Duration period() {
    double factor = 1 - PROBE_JITTER * random.nextDouble();
    return Duration.ofMillis(Math.round(PROBE_PERIOD.toMillis() * factor));
  }

  private Duration backoff() {
    Duration wait = nextWait;
    Duration twice = wait.multipliedBy(2);
    nextWait = twice.compareTo(LONGEST_WAIT) < 0 ? twice : LONGEST_WAIT;
    return wait;
  }

  @Override
  public void close() {
    closed = true;
    closing.signal();
    listener.ifPresent(IssueListener::close);
    thread.ifPresent(Thread::interrupt);
    try {
      for (Thread started : thread.stream().toList()) {
        started.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
