package com.cape.worker.cli.console;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Option;

/** Asks before something that touches many issues. */
public final class Confirmation {
  @Option(names = "--yes", description = "Do not ask.")
  private boolean yes;

  /** Returns when the person agrees, and throws a {@link Refusal} when not. */
  public void ask(String question, Console output) {
    if (yes) {
      return;
    }
    if (!output.terminal().input() || !output.terminal().output()) {
      throw output.wrong(question + " Nobody can be asked without a terminal; give --yes");
    }
    output.out().print(question + " [y/N] ");
    output.out().flush();
    if (!Set.of("y", "yes").contains(answer())) {
      throw new Refusal("nothing was done");
    }
  }

  private static String answer() {
    try {
      String line = new BufferedReader(new InputStreamReader(System.in, UTF_8)).readLine();
      return Optional.ofNullable(line).orElse("").strip().toLowerCase(Locale.ROOT);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
