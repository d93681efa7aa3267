package com.cape.worker.http;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An answer of the database for any number of clients. A thread of its own asks, one question at a
 * time and only when a client wants to know. An answer holds for a while, and so does a failure.
 */
public final class SharedAnswer<T> implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SharedAnswer.class);
  private static final Duration FAILURE_HOLDS = Duration.ofSeconds(1);
  private static final Duration THREAD_IDLE = Duration.ofSeconds(30);
  private static final Duration LONGEST_STOP = Duration.ofSeconds(1);

  private final Supplier<T> question;
  private final UnaryOperator<Duration> holds;
  private final Duration patience;
  private final ThreadPoolExecutor thread;
  private Future<?> asking = CompletableFuture.completedFuture(null);
  private long askedNanos;
  private Optional<T> last = Optional.empty();
  private long holdsUntilNanos = System.nanoTime();
  private int forgotten;

  /**
   * @param name of the thread
   * @param question has limits of its own
   * @param holds for how long an answer holds that took so long
   * @param patience how long a client is kept waiting
   */
  public SharedAnswer(
      String name, Supplier<T> question, UnaryOperator<Duration> holds, Duration patience) {
    this.question = requireNonNull(question);
    this.holds = requireNonNull(holds);
    this.patience = requireNonNull(patience);
    this.thread =
        new ThreadPoolExecutor(
            1,
            1,
            THREAD_IDLE.toSeconds(),
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            work -> {
              var made = new Thread(work, name);
              made.setDaemon(true);
              return made;
            });
    thread.allowCoreThreadTimeOut(true);
  }

  /** The answer; empty when there is none, or none in time. */
  public Optional<T> get() {
    Future<?> now;
    long left;
    synchronized (this) {
      if (holdsUntilNanos - System.nanoTime() > 0) {
        return last;
      }
      if (asking.isDone()) {
        try {
          asking = thread.submit(this::ask);
        } catch (RejectedExecutionException | OutOfMemoryError e) { // Closed; no thread to be had.
          return Optional.empty();
        }
        askedNanos = System.nanoTime();
      }
      now = asking;
      left = patience.toNanos() - (System.nanoTime() - askedNanos);
    }
    try {
      now.get(Math.max(0, left), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      return Optional.empty();
    } catch (ExecutionException e) {
      LOG.error("the database cannot be asked", e);
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
    synchronized (this) {
      return last;
    }
  }

  public synchronized void forget() {
    last = Optional.empty();
    holdsUntilNanos = System.nanoTime();
    forgotten++;
  }

  private void ask() {
    int before;
    synchronized (this) {
      before = forgotten;
    }
    long startNanos = System.nanoTime();
    Optional<T> answer = Optional.empty();
    Duration holding = FAILURE_HOLDS;
    try {
      answer = Optional.of(question.get());
      holding = holds.apply(Duration.ofNanos(System.nanoTime() - startNanos));
    } catch (RuntimeException e) {
      // The loop and the heartbeat log it.
      LOG.debug("no answer", e);
    }
    synchronized (this) {
      last = answer;
      // An answer from before a change is for those who waited for it.
      holdsUntilNanos = System.nanoTime() + (forgotten == before ? holding.toNanos() : 0);
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
    try {
      // A question on a dead connection takes longer; the thread does not keep the process.
      if (!thread.awaitTermination(LONGEST_STOP.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.debug("a question is still unanswered");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
