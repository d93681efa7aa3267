package com.cape.worker.testing;

import org.junit.jupiter.api.Assumptions;

/** Skips the test that asks, by name and with the reason on the console. */
public final class Skip {
  private Skip() {}

  /** Ends the test, or all tests of a class that is being prepared. */
  public static void because(String reason) {
    String test =
        StackWalker.getInstance()
            .walk(
                frames ->
                    frames.filter(frame -> frame.getClassName().matches(".*(Test|IT)")).findFirst())
            .map(frame -> frame.getClassName() + "." + frame.getMethodName())
            .orElseThrow();
    System.err.println("[WARNING] " + test + " skipped: " + reason);
    Assumptions.abort("skipped: " + reason);
  }
}
