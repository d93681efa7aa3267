package com.cape.worker.store.operator;

import java.util.Locale;

/** Whether an issue was changed as it was asked for. */
public enum ChangeResult {
  QUEUED(true, "issue %1$d is pending"),
  CANCELLED(true, "issue %1$d is cancelled"),
  REQUESTED(true, "issue %1$d is running and will be stopped"),
  ALREADY_CANCELLED(true, "issue %1$d is cancelled already"),
  NOT_FOUND(false, "there is no issue %d; 'cape-worker list' shows the newest"),
  RUNNING(false, "issue %1$d is running; cancel it first"),
  /** Started, without a running attempt. */
  UNOWNED(
      false,
      "issue %1$d was started by somebody else; make sure that it runs no more, then give --force"),
  UNSTOPPABLE(false, "issue %1$d was started by somebody else, whom Cape cannot stop") {
    @Override
    public String word() {
      return UNOWNED.word();
    }
  },
  UNSETTLED(
      false,
      "issue %1$d has ended, and its end is written once cape_issues takes it; 'show %1$d' shows why"),
  COMPLETED(false, "issue %1$d is completed; submit it anew"),
  ENDED(false, "issue %1$d has ended; 'show %1$d' shows how"),
  DUE(false, "issue %1$d is due already"),
  SCHEDULED(false, "issue %1$d was never tried; it waits for its time"),
  REFUSED(
      false,
      "issue %1$d stays as it is: a trigger or a row policy on cape_issues passes the change over"),
  OTHER(false, "issue %1$d has a status that is not Cape's; 'show %1$d' shows it");

  private final boolean done;
  private final String text;

  ChangeResult(boolean done, String text) {
    this.done = done;
    this.text = text;
  }

  public boolean done() {
    return done;
  }

  /** The word in JSON. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The same in a sentence. */
  public String text(long id) {
    return text.formatted(id);
  }
}
