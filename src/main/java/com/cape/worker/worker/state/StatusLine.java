package com.cape.worker.worker.state;

import com.cape.worker.store.queue.WorkerState;
import java.time.Duration;
import java.util.Map;

/** What a worker is at, in a line for people. */
public final class StatusLine {
  static final String WAITING = "waiting for the database";

  private StatusLine() {}

  /**
   * The line.
   *
   * @param running how long each issue has been running
   * @param waiting whether the database is away
   */
  public static String of(WorkerState state, Map<Long, Duration> running, boolean waiting) {
    String line =
        switch (state) {
          case IDLE -> "idle";
          case WORKING -> "taking over what its predecessor left";
          case PAUSED -> "paused";
          case DRAINING -> "draining";
          case HANDING_OVER -> "handing over";
          case STOPPED -> "stopped";
        };
    if (!running.isEmpty()) {
      line = (state == WorkerState.DRAINING ? "draining, " : "") + running(running);
    } else if (waiting && state != WorkerState.DRAINING) {
      return WAITING;
    }
    return waiting ? line + ", " + WAITING : line;
  }

  private static String running(Map<Long, Duration> running) {
    Duration longest = running.values().stream().max(Duration::compareTo).orElse(Duration.ZERO);
    String what =
        running.size() == 1
            ? "running issue " + running.keySet().iterator().next()
            : "running %d issues, the longest".formatted(running.size());
    long minutes = longest.toMinutes();
    return minutes == 0 && running.size() == 1 ? what : "%s for %d min".formatted(what, minutes);
  }
}
