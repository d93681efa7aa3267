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
public final class Console {
  private static final int USUAL_COLUMNS = 80;

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  private Optional<Terminal> terminal = Optional.empty();

  /** Returns what to throw for a mistake in the command line. */
  public ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  public PrintWriter out() {
    return spec.commandLine().getOut();
  }

  public void line(Object line) {
    out().println(line);
  }

  /** Prints what is not the data itself, on standard error. */
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

  /** Returns how many a line may take: by COLUMNS, else by the terminal, else any number. */
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

  /** Makes a word bold, on a terminal and unless NO_COLOR is set. */
  public String strong(String word) {
    boolean plain =
        !terminal().output()
            || !Optional.ofNullable(System.getenv("NO_COLOR")).orElse("").isEmpty()
            || "dumb".equals(System.getenv("TERM"));
    return plain ? word : "\u001b[1m" + word + "\u001b[0m";
  }
}
