package com.cape.worker.store.queue;

import java.util.Locale;

/** What a worker does; the word in {@code cape_workers.state}. */
public enum WorkerState {
  IDLE,
  WORKING,
  DRAINING,
  HANDING_OVER,
  PAUSED,
  STOPPED;

  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
