package com.cape.worker.worker.state;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far a worker has stopped. It only goes on, never back. Safe for use by several threads;
 * listeners are called by the thread that goes on.
 */
public final class Drain {
  private static final Logger LOG = LoggerFactory.getLogger(Drain.class);

  /** The steps from working to stopped. */
  public enum Stage {
    WORKING,
    /** No more claims; what runs may end, however long that takes. */
    PATIENT,
    /** No more claims; what runs goes on without this process, which leaves within seconds. */
    HANDING_OVER,
    /** No more claims; what runs may end within the drain timeout. */
    DRAINING,
    /** What still runs is stopped, too. */
    INTERRUPTING
  }

  private final List<Runnable> listeners = new ArrayList<>();
  private Stage stage = Stage.WORKING;

  /** For a wish that is in no hurry: nothing that runs comes to harm. */
  public void beginPatiently(String cause) {
    advance(Stage.PATIENT, cause);
  }

  /** For the next process of this worker, which adopts what runs. */
  public void handOver(String cause) {
    advance(Stage.HANDING_OVER, cause);
  }

  public void begin(String cause) {
    advance(Stage.DRAINING, cause);
  }

  public void interrupt(String cause) {
    advance(Stage.INTERRUPTING, cause);
  }

  public synchronized Stage stage() {
    return stage;
  }

  public boolean begun() {
    return stage() != Stage.WORKING;
  }

  /** Waits for so long, or until the stage changes. */
  public synchronized void await(Duration atMost) throws InterruptedException {
    Stage before = stage;
    long endNanos = System.nanoTime() + atMost.toNanos();
    for (long left = atMost.toMillis(); left > 0 && stage == before; ) {
      wait(left);
      left = Duration.ofNanos(endNanos - System.nanoTime()).toMillis();
    }
  }

  /** Calls the listener after each change from now on. */
  public synchronized void onChange(Runnable listener) {
    listeners.add(listener);
  }

  private void advance(Stage next, String cause) {
    List<Runnable> called;
    synchronized (this) {
      if (next.compareTo(stage) <= 0) {
        return;
      }
      stage = next;
      notifyAll();
      called = List.copyOf(listeners);
    }
    LOG.info(
        switch (next) {
          case WORKING, PATIENT -> "draining: no more claims, running workflows may end cause={}";
          case HANDING_OVER ->
              "handing over: no more claims, running workflows go on for the next process cause={}";
          case DRAINING ->
              "draining: no more claims, running workflows may end within the drain timeout cause={}";
          case INTERRUPTING ->
              "stopping running workflows; their issues go back to pending cause={}";
        },
        cause);
    called.forEach(Runnable::run);
  }
}
