package com.cape.worker.ending;

import java.util.List;

/** A file of ending rules cannot be used. Each mistake names the file, the line and what to do. */
public final class EndingRulesException extends Exception {
  private final transient List<String> mistakes;

  EndingRulesException(List<String> mistakes) {
    super(String.join("\n", mistakes));
    this.mistakes = List.copyOf(mistakes);
  }

  public List<String> mistakes() {
    return mistakes;
  }
}
