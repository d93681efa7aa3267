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
  THROTTLED,
  NOT_STARTED,
  LOST;

  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  public static Outcome ofWord(String word) {
    return valueOf(word.toUpperCase(Locale.ROOT));
  }
}
