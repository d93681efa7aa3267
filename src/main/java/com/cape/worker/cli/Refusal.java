package com.cape.worker.cli;

import static java.util.Objects.requireNonNull;

import com.cape.worker.store.StoreException;

/** The command ends here; the message tells the user what, why, and what to do. */
public final class Refusal extends RuntimeException {
  private final ExitCode exitCode;

  public Refusal(ExitCode exitCode, String message) {
    super(requireNonNull(message));
    this.exitCode = requireNonNull(exitCode);
  }

  /**
   * For what the database refused.
   *
   * @param origin where its URL was found
   */
  static Refusal of(StoreException failure, String origin) {
    ExitCode code =
        failure.kind() == StoreException.Kind.UNREACHABLE
            ? ExitCode.UNREACHABLE
            : ExitCode.WRONG_SETTING;
    return new Refusal(
        code, "%s; the database URL comes from %s".formatted(failure.getMessage(), origin));
  }

  public ExitCode exitCode() {
    return exitCode;
  }
}
