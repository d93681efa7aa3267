package com.cape.worker.run;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;

/** Runs external commands. Safe for use by several threads. */
public interface CommandRunner {
  /** Makes ready for the next run what takes time. */
  void prepare();

  /**
   * Starts a run. It may still turn out that the command's process cannot be started; then the run
   * ends as {@link StopReason#NOT_STARTED}.
   *
   * @param begun called, once, within half a second after the command was started or at its end, by
   *     a thread that is not to be held up
   * @throws IOException when nothing was started
   */
  Run start(RunSpec spec, Runnable begun) throws IOException;

  /** What is in the way of any run, whatever the command; empty when there is nothing. */
  Optional<String> trouble();

  /** Whether the JDK was replaced under this process, which can then start no other any more. */
  boolean jdkReplaced();

  /**
   * Makes sure that nothing lives of a run whose worker has died, and tells how it ended.
   *
   * @return empty when the run was on another machine, or in another pid namespace, and did not end
   *     there as far as its record tells
   * @throws IOException when its files cannot be read
   */
  Optional<Ending> recover(RunFolder folder, Duration grace)
      throws IOException, InterruptedException;

  /** A command that was started. */
  interface Run {
    /**
     * Waits until the command has ended and nothing that it started is left, stopping it at its
     * timeout and output limit. One thread calls this, once.
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
