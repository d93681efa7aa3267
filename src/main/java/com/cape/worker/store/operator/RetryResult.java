package com.cape.worker.store.operator;

/** Whether an issue was made pending and due. */
public enum RetryResult implements ChangeResult {
  QUEUED(true, "issue %1$d is pending"),
  NOT_FOUND(false, RetryResult.NO_ISSUE),
  RUNNING(false, "issue %1$d is running; cancel it first"),
  /** Started, without a running attempt. */
  UNOWNED(
      false,
      "issue %1$d was started by somebody else; make sure that it runs no more, then give --force"),
  COMPLETED(false, "issue %1$d is completed; submit it anew"),
  DUE(false, "issue %1$d is due already"),
  SCHEDULED(false, "issue %1$d was never tried; it waits for its time"),
  REFUSED(false, RetryResult.PASSED_OVER),
  OTHER(false, RetryResult.OTHER_STATUS);

  static final String NO_ISSUE = "there is no issue %d; 'cape-worker list' shows the newest";
  static final String PASSED_OVER =
      "issue %1$d stays as it is: a trigger or a row policy on cape_issues passes the change over";
  static final String OTHER_STATUS =
      "issue %1$d has a status that is not Cape's; 'show %1$d' shows it";

  private final boolean done;
  private final String text;

  RetryResult(boolean done, String text) {
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
