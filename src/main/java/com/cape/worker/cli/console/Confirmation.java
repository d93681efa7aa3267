package com.cape.worker.cli.console;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Asks before something that touches many issues. */
public final class Confirmation {
  @Option(names = "--yes", description = "Do not ask.")
  private boolean yes;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  /**
   * Returns when the person agrees.
   *
   * @throws Refusal when not
   */
  public void ask(String question, Output output) {
    if (yes) {
      return;
    }
    if (!output.terminal().input() || !output.terminal().output()) {
      throw new ParameterException(
          spec.commandLine(), question + " Nobody can be asked without a terminal; give --yes");
    }
    output.out().print(question + " [y/N] ");
    output.out().flush();
    if (!Set.of("y", "yes").contains(answer())) {
      throw new Refusal(ExitCode.FAILED, "nothing was done");
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
