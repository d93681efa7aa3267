package com.cape.worker.worker.state;

import com.cape.worker.issue.Outcome;
import java.time.Duration;

/**
 * Hears what happens in a worker, for metrics and for tests. Called by the thread to which it
 * happens, which does not wait: an answer has to come at once. Safe for use by several threads.
 */
public interface WorkerListener {
  /** What a write was that found its run no longer this worker's. */
  enum Write {
    HEARTBEAT,
    SETTLE
  }

  /** Why nothing is claimed. */
  enum PauseReason {
    /** A pause of the fleet, the account or this worker. */
    REQUESTED,
    /** The command cannot be started. */
    START
  }

  /** What became of a run that an earlier process of the worker has left. */
  enum Adoption {
    /** It goes on. */
    ADOPTED,
    /** It had ended, or was ended, and is settled. */
    ENDED,
    /** The attempt was rescued meanwhile, or is another process's. */
    LOST,
    /** It cannot be recovered from what is on the disk. */
    UNREADABLE
  }

  default void recovered(Adoption adoption) {}

  /** All that earlier processes of the worker have left was taken over. */
  default void recoveryOver() {}

  /** The worker is registered, and about to claim. */
  default void ready() {}

  /** An issue was claimed; by the database's clock it had been due for so long. */
  default void claimed(Duration waited) {}

  /** An attempt's outcome was written; {@code ran} is zero when it did not come to a run. */
  default void settled(Outcome outcome, Duration ran) {}

  /** A heartbeat extended a lease that would have held for so long. */
  default void leaseExtended(Duration left) {}

  /** A run turned out not to be this worker's any more; nothing was written. */
  default void fenced(Write write) {}

  /** The attempt of a worker that is gone was closed, and its issue given back. */
  default void rescued() {}

  /**
   * Processes that outlived their run's first one: so many were ended, and so many could not be.
   */
  default void outlived(int ended, int left) {}

  default void databaseUnavailable() {}

  default void databaseBack() {}

  /** Notifications arrive from now on, or do so no more. */
  default void listening(boolean up) {}

  default void paused(PauseReason reason) {}

  default void resumed(PauseReason reason) {}

  /** So many slots are busy from now on. */
  default void slotsBusy(int busy) {}
}
