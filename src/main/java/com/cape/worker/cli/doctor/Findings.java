package com.cape.worker.cli.doctor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What {@code doctor} found, in its order. */
public final class Findings {
  /** How bad it is. */
  public enum Level {
    OK,
    WARNING,
    FAILED;

    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * One check.
   *
   * @param text what was found, and what to do about it
   */
  public record Finding(Level level, String check, String text) {}

  private final List<Finding> all = new ArrayList<>();

  public void ok(String check, String text) {
    all.add(new Finding(Level.OK, check, text));
  }

  public void warning(String check, String text) {
    all.add(new Finding(Level.WARNING, check, text));
  }

  public void failed(String check, String text) {
    all.add(new Finding(Level.FAILED, check, text));
  }

  public List<Finding> all() {
    return all;
  }

  public boolean anyFailed() {
    return all.stream().anyMatch(finding -> finding.level() == Level.FAILED);
  }
}
