package com.cape.worker.cli.console;

import static java.util.Objects.requireNonNull;

import com.cape.worker.config.HttpAddress;
import com.cape.worker.store.StoreException;
import java.io.IOException;
import java.net.Socket;

/** The command ends here; the message says what, why, and what to do. */
public final class Refusal extends RuntimeException {
  private static final int CONNECT_LIMIT_MILLIS = 1000;

  private final ExitCode exitCode;

  public Refusal(ExitCode exitCode, String message) {
    super(requireNonNull(message));
    this.exitCode = requireNonNull(exitCode);
  }

  /** With exit code 1. */
  public Refusal(String message) {
    this(ExitCode.FAILED, message);
  }

  /** For what the database refused; {@code origin} is where its URL was found. */
  public static Refusal of(StoreException failure, String origin) {
    ExitCode code =
        switch (failure.kind()) {
          case UNAVAILABLE -> ExitCode.UNAVAILABLE;
          case BUSY -> ExitCode.FAILED;
          case CREDENTIALS, UNKNOWN_DATABASE, FORBIDDEN, SCHEMA, REFUSED -> ExitCode.WRONG_SETTING;
        };
    return new Refusal(
        code, "%s; the database URL comes from %s".formatted(failure.getMessage(), origin));
  }

  /** The same for a command that works on a schema which should be there. */
  public static Refusal ofCommand(StoreException failure, String origin) {
    return switch (failure.kind()) {
      case SCHEMA ->
          new Refusal(
              ExitCode.WRONG_SETTING,
              "%s; 'cape-worker migrate' brings the schema up to date"
                  .formatted(failure.getMessage()));
      case BUSY ->
          new Refusal(
              "the database is busy: %s; nothing was changed, try again"
                  .formatted(failure.getMessage()));
      case REFUSED -> new Refusal(failure.getMessage());
      case UNAVAILABLE, CREDENTIALS, UNKNOWN_DATABASE, FORBIDDEN -> of(failure, origin);
    };
  }

  public static Refusal noIssue(long id) {
    return new Refusal("there is no issue %d; 'cape-worker list' shows the newest".formatted(id));
  }

  /** For an address where nothing can be served. A server that is there already may end. */
  public static Refusal of(HttpAddress address, IOException thrown) {
    return answers(address)
        ? new Refusal(
            ExitCode.TRY_LATER,
            thrown.getMessage() + "; stop what serves there, or choose another address with --http")
        : new Refusal(
            ExitCode.WRONG_SETTING,
            thrown.getMessage() + "; --http must name an address of this host");
  }

  private static boolean answers(HttpAddress address) {
    try (var socket = new Socket()) {
      socket.connect(address.toSocketAddress(), CONNECT_LIMIT_MILLIS);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  public ExitCode exitCode() {
    return exitCode;
  }
}
