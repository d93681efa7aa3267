package com.cape.worker.issue;

import java.util.Locale;

/** The word in {@code cape_issues.status}. */
public enum IssueStatus {
  PENDING,
  STARTED,
  COMPLETED,
  FAILED,
  CANCELLED;

  /** The word in the database and in logs. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The status of that word. */
  public static IssueStatus ofWord(String word) {
    return valueOf(word.toUpperCase(Locale.ROOT));
  }
}
