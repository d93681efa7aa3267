package com.cape.worker.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What {@code doctor} found, in its order. */
final class Findings {
  /** How bad it is. */
  enum Level {
    OK,
    WARNING,
    FAILED;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * One check.
   *
   * @param text what was found, and what to do about it
   */
  record Finding(Level level, String check, String text) {}

  private final List<Finding> all = new ArrayList<>();

  void ok(String check, String text) {
    all.add(new Finding(Level.OK, check, text));
  }

  void warning(String check, String text) {
    all.add(new Finding(Level.WARNING, check, text));
  }

  void failed(String check, String text) {
    all.add(new Finding(Level.FAILED, check, text));
  }

  List<Finding> all() {
    return all;
  }

  boolean anyFailed() {
    return all.stream().anyMatch(finding -> finding.level() == Level.FAILED);
  }
}
