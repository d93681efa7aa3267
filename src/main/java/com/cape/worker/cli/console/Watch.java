package com.cape.worker.cli.console;

import com.cape.worker.store.StoreException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;

/** Looks at the database again and again until there is what was waited for. */
public final class Watch {
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(500);
  // A server that starts again, or a connection that was cut, must not end a wait of an hour.
  private static final Duration LONGEST_GAP = Duration.ofSeconds(5);

  private Watch() {}

  /**
   * Answers what the look finds.
   *
   * @throws StoreException when the database is unavailable at first, or for more than a moment
   */
  public static <T> T until(Console console, Supplier<Optional<T>> look) {
    long lastLook = System.nanoTime() - LONGEST_GAP.toNanos();
    while (true) {
      try {
        Optional<T> found = look.get();
        if (found.isPresent()) {
          return found.get();
        }
        lastLook = System.nanoTime();
      } catch (StoreException e) {
        boolean unavailable = System.nanoTime() - lastLook >= LONGEST_GAP.toNanos();
        if (unavailable || !passes(e)) {
          throw e;
        }
      }
      pause(console, BETWEEN_LOOKS);
    }
  }

  /** Whether the next look may succeed. */
  public static boolean passes(StoreException failure) {
    return switch (failure.kind()) {
      case UNAVAILABLE, BUSY -> true;
      case CREDENTIALS, UNKNOWN_DATABASE, FORBIDDEN, SCHEMA, REFUSED -> false;
    };
  }

  /** Until the next look. Ends the command when nobody reads what it prints any more. */
  public static void pause(Console console, Duration length) {
    if (console.out().checkError()) {
      throw new Refusal("nobody reads the output any more");
    }
    try {
      Thread.sleep(length.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Refusal("interrupted");
    }
  }
}
