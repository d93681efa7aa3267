package com.cape.worker.host;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes the worker's threads: each is named for what it does, and none dies without a word. */
public final class WorkerThread {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerThread.class);

  private WorkerThread() {}

  /** A thread that is not started yet. */
  public static Thread named(String purpose, Runnable work) {
    var thread = new Thread(work, "cape-" + purpose);
    thread.setUncaughtExceptionHandler(
        (dead, thrown) -> LOG.error("thread died thread={}", dead.getName(), thrown));
    return thread;
  }

  /** Waits for the end of a thread that was asked to stop. */
  public static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
