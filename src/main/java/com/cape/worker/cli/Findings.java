package com.cape.worker.cli;

import java.util.ArrayList;
import java.util.List;

/** What {@code doctor} found, in its order. */
final class Findings {
  private final List<Finding> all = new ArrayList<>();

  /** One check: its level is {@code ok}, {@code warning} or {@code failed}. */
  record Finding(String level, String check, String text) {}

  void ok(String check, String text) {
    all.add(new Finding("ok", check, text));
  }

  void warning(String check, String text) {
    all.add(new Finding("warning", check, text));
  }

  /** The first text where all is well, else the second one as a warning. */
  void okOrWarning(boolean well, String check, String good, String bad) {
    all.add(new Finding(well ? "ok" : "warning", check, well ? good : bad));
  }

  void failed(String check, String text) {
    all.add(new Finding("failed", check, text));
  }

  List<Finding> all() {
    return all;
  }

  boolean anyFailed() {
    return all.stream().anyMatch(finding -> finding.level().equals("failed"));
  }
}
