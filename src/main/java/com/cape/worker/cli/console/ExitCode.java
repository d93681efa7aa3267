package com.cape.worker.cli.console;

/** What each exit code means. */
public enum ExitCode {
  DONE(0),
  FAILED(1),
  USAGE(2),
  /** The database cannot be reached; the daemon waits instead. */
  UNAVAILABLE(69),
  TRY_LATER(75),
  WRONG_SETTING(78);

  private final int number;

  ExitCode(int number) {
    this.number = number;
  }

  public int number() {
    return number;
  }
}
