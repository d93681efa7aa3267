package com.cape.worker.worker.state;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls listeners for what happens; one that fails does no harm. Safe for use by several threads.
 */
public final class Listeners {
  private static final Logger LOG = LoggerFactory.getLogger(Listeners.class);

  private final List<WorkerListener> listeners;
  private volatile boolean complained;

  public Listeners(WorkerListener... listeners) {
    this.listeners = new CopyOnWriteArrayList<>(listeners);
  }

  public void add(WorkerListener listener) {
    listeners.add(listener);
  }

  /** Calls each listener. Never throws. */
  public void announce(Consumer<WorkerListener> event) {
    for (WorkerListener listener : listeners) {
      call(listener, event);
    }
  }

  private void call(WorkerListener listener, Consumer<WorkerListener> event) {
    try {
      event.accept(listener);
    } catch (RuntimeException | OutOfMemoryError e) {
      if (!complained) {
        complained = true;
        LOG.error("a listener failed; going on", e);
      }
    }
  }
}
