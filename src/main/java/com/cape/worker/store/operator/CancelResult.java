package com.cape.worker.store.operator;

/** What became of the wish to cancel an issue. */
public enum CancelResult {
  CANCELLED,
  /** Whoever runs it has been told. */
  REQUESTED,
  NOT_FOUND,
  ALREADY_CANCELLED,
  /** It has completed or failed. */
  ENDED,
  /** Started, without a running attempt: somebody else's. */
  UNOWNED,
  /** A trigger or a row policy of others keeps the row from being changed. */
  REFUSED,
  /** A status that is not Cape's. */
  OTHER
}
