package com.cape.worker.issue;

import java.util.Locale;

/** The word in {@code cape_issues.status}. */
public enum IssueStatus {
  PENDING,
  STARTED,
  COMPLETED,
  FAILED,
  CANCELLED;

  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  public static IssueStatus ofWord(String word) {
    return valueOf(word.toUpperCase(Locale.ROOT));
  }
}
