package com.cape.worker.cli;

import com.cape.worker.process.Terminal;
import java.io.PrintWriter;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Where a command prints, and what reads it. */
@Command // As a mixin without options it needs one.
class Console {
  private static final int USUAL_COLUMNS = 80;
  private static final String BOLD = "\u001b[1m";
  private static final String PLAIN = "\u001b[0m";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  private Optional<Terminal> terminal = Optional.empty();

  /** For what was asked for. */
  PrintWriter out() {
    return spec.commandLine().getOut();
  }

  void line(String line) {
    out().println(line);
  }

  /** For what is not the data itself. */
  void note(String line) {
    out().flush();
    PrintWriter err = spec.commandLine().getErr();
    err.println("cape-worker: " + line);
    err.flush();
  }

  Terminal terminal() {
    if (terminal.isEmpty()) {
      terminal = Optional.of(Terminal.look());
    }
    return terminal.get();
  }

  /** The terminal as it is now: people change its size. */
  Terminal terminalNow() {
    terminal = Optional.empty();
    return terminal();
  }

  /** That a line may take: what COLUMNS says, else the terminal; no end without either. */
  int columns() {
    Optional<Integer> wanted =
        Optional.ofNullable(System.getenv("COLUMNS"))
            .filter(text -> text.matches("[1-9]\\d{0,4}"))
            .map(Integer::valueOf);
    if (wanted.isPresent()) {
      return wanted.get();
    }
    if (!terminal().output()) {
      return Integer.MAX_VALUE;
    }
    return terminal().size().map(Terminal.Size::columns).orElse(USUAL_COLUMNS);
  }

  /** A word that should catch the eye, on a terminal and unless NO_COLOR is set. */
  String strong(String word) {
    boolean plain =
        !terminal().output()
            || !Optional.ofNullable(System.getenv("NO_COLOR")).orElse("").isEmpty()
            || "dumb".equals(System.getenv("TERM"));
    return plain ? word : BOLD + word + PLAIN;
  }
}
