package com.cape.worker.store.operator;

/** What became of the wish to run an issue again. */
public enum RetryResult {
  QUEUED,
  NOT_FOUND,
  RUNNING,
  /** Started, without a running attempt: somebody else's. */
  UNOWNED,
  COMPLETED,
  DUE,
  /** It waits for its time, and was never tried. */
  SCHEDULED,
  /** A trigger or a row policy of others keeps the row from being changed. */
  REFUSED,
  /** A status that is not Cape's. */
  OTHER
}
