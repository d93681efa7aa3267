package com.cape.worker.store.operator;

/** Whether an issue was cancelled. */
public enum CancelResult implements ChangeResult {
  CANCELLED(true, "issue %1$d is cancelled"),
  REQUESTED(true, "issue %1$d is running and will be stopped"),
  NOT_FOUND(false, RetryResult.NO_ISSUE),
  ALREADY_CANCELLED(true, "issue %1$d is cancelled already"),
  ENDED(false, "issue %1$d has ended; 'show %1$d' shows how"),
  /** Started, without a running attempt. */
  UNOWNED(false, "issue %1$d was started by somebody else, whom Cape cannot stop"),
  REFUSED(false, RetryResult.PASSED_OVER),
  OTHER(false, RetryResult.OTHER_STATUS);

  private final boolean done;
  private final String text;

  CancelResult(boolean done, String text) {
    this.done = done;
    this.text = text;
  }

  @Override
  public boolean done() {
    return done;
  }

  @Override
  public String text(long id) {
    return text.formatted(id);
  }
}
