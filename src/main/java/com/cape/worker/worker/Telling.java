package com.cape.worker.worker;

import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells listeners what happens; one that fails does no harm. Safe for use by several threads. */
public final class Telling {
  /** Where nobody listens. */
  public static final Telling NOBODY = new Telling();

  private static final Logger LOG = LoggerFactory.getLogger(Telling.class);

  private final List<WorkerListener> listeners;
  private volatile boolean complained;

  public Telling(WorkerListener... listeners) {
    this.listeners = List.of(listeners);
  }

  /** Tells. Never throws. */
  public void tell(Consumer<WorkerListener> event) {
    for (WorkerListener listener : listeners) {
      tell(listener, event);
    }
  }

  private void tell(WorkerListener listener, Consumer<WorkerListener> event) {
    try {
      event.accept(listener);
    } catch (RuntimeException | OutOfMemoryError e) {
      if (!complained) {
        complained = true;
        LOG.error("what happens cannot be told; going on without", e);
      }
    }
  }
}
