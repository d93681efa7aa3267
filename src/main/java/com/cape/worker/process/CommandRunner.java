package com.cape.worker.process;

import java.io.IOException;
import java.time.Duration;

/** Runs external commands. Safe for use by several threads. */
public interface CommandRunner {
  /**
   * Starts a run.
   *
   * @throws IOException when nothing was started
   */
  Run start(RunSpec spec) throws IOException;

  /** A command that was started. */
  interface Run {
    /**
     * Waits until the command has ended and nothing of its process group is left, stopping it at
     * its timeout and output limit. One thread calls this, once.
     */
    Ending await() throws InterruptedException;

    /**
     * Ends the run with TERM, the grace, then KILL. Any thread.
     *
     * @return false when it was stopped before: the first reason stands
     */
    boolean stop(StopReason reason);

    /**
     * Lets the run go on until then, on the {@link LeaseClock}; does nothing once the deadline
     * before has passed. The guardian keeps it by itself, whatever becomes of this process. Any
     * thread.
     */
    void extend(Duration deadline);
  }
}
