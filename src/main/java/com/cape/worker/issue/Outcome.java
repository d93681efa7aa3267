package com.cape.worker.issue;

import java.util.Locale;

/** How an attempt stands or ended; the word in {@code cape_issue_attempts.outcome}. */
public enum Outcome {
  RUNNING,
  COMPLETED,
  FAILED,
  TIMED_OUT,
  OUTPUT_LIMIT,
  CANCELLED,
  INTERRUPTED,
  /** A usage limit of the account, or what the workflow takes for one. */
  THROTTLED,
  /** The provider was overloaded or could not be reached. */
  OVERLOADED,
  /** The provider refused the account or this host: no credit, or no valid login. */
  REFUSED,
  NOT_STARTED,
  LOST;

  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  public static Outcome ofWord(String word) {
    return valueOf(word.toUpperCase(Locale.ROOT));
  }
}
