package com.cape.worker.cli.doctor;

import java.util.ArrayList;
import java.util.List;

/** What {@code doctor} found, in its order. */
public final class Findings {
  private static final String FAILED = "failed";

  private final List<Finding> all = new ArrayList<>();

  /**
   * One check.
   *
   * @param level {@code ok}, {@code warning} or {@code failed}
   * @param text what was found, and what to do about it
   */
  public record Finding(String level, String check, String text) {
    public boolean isOk() {
      return level.equals("ok");
    }
  }

  public void ok(String check, String text) {
    all.add(new Finding("ok", check, text));
  }

  public void warning(String check, String text) {
    all.add(new Finding("warning", check, text));
  }

  public void failed(String check, String text) {
    all.add(new Finding(FAILED, check, text));
  }

  public List<Finding> all() {
    return all;
  }

  public boolean anyFailed() {
    return all.stream().anyMatch(finding -> finding.level().equals(FAILED));
  }
}
