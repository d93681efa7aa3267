package com.cape.worker.cli.console;

import com.cape.worker.host.Terminal;
import java.io.PrintWriter;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where a command prints, and what reads it. */
@Command // As a mixin without options it needs one.
public class Console {
  private static final int USUAL_COLUMNS = 80;
  private static final String BOLD = "\u001b[1m";
  private static final String PLAIN = "\u001b[0m";

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  private Optional<Terminal> terminal = Optional.empty();

  /** To be thrown for a mistake in the command line. */
  public ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /** For what was asked for. */
  public PrintWriter out() {
    return spec.commandLine().getOut();
  }

  public void line(String line) {
    out().println(line);
  }

  /** For what is not the data itself. */
  public void note(String line) {
    out().flush();
    PrintWriter err = spec.commandLine().getErr();
    err.println("cape-worker: " + line);
    err.flush();
  }

  public Terminal terminal() {
    if (terminal.isEmpty()) {
      terminal = Optional.of(Terminal.look());
    }
    return terminal.get();
  }

  /** The terminal as it is now: people change its size. */
  public Terminal terminalNow() {
    terminal = Optional.empty();
    return terminal();
  }

  /** That a line may take: what COLUMNS says, else the terminal; no end without either. */
  public int columns() {
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
  public String strong(String word) {
    boolean plain =
        !terminal().output()
            || !Optional.ofNullable(System.getenv("NO_COLOR")).orElse("").isEmpty()
            || "dumb".equals(System.getenv("TERM"));
    return plain ? word : BOLD + word + PLAIN;
  }
}
