package com.cape.bench;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;

/** Starts the external program as plainly as Java can. */
final class Programs {
  private static final File NULL = new File("/dev/null");

  private Programs() {}

  static Process start(String... command) throws IOException {
    return new ProcessBuilder(command)
        .redirectInput(NULL)
        .redirectOutput(Redirect.DISCARD)
        .redirectError(Redirect.DISCARD)
        .start();
  }
}
