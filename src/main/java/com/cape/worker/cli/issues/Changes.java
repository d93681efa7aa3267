package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Output;
import com.cape.worker.http.Json;
import java.util.Locale;
import java.util.Map;

/** Tells what became of each issue that a command was to change. */
public final class Changes {
  /** The line about one issue, and whether it is a refusal. */
  record Told(String line, boolean refused) {
    static Told done(String line) {
      return new Told(line, false);
    }

    static Told refused(String line) {
      return new Told(line, true);
    }
  }

  /** Says what a result means. */
  interface Listeners<R> {
    Told of(long id, R result);
  }

  private Changes() {}

  static String refusedByOthers(long id) {
    return "issue %d stays as it is: a trigger or a row policy on cape_issues passes the change over"
        .formatted(id);
  }

  /** Prints them all; fails when one was refused. */
  static <R extends Enum<R>> int tell(Map<Long, R> results, Listeners<R> listeners, Output output) {
    boolean refused = false;
    for (Map.Entry<Long, R> entry : results.entrySet()) {
      Told told = listeners.of(entry.getKey(), entry.getValue());
      refused |= told.refused();
      if (told.refused()) {
        output.note(told.line());
      } else if (!output.json()) {
        output.line(told.line());
      }
    }
    if (output.json()) {
      output.line(
          Json.text(
              results.entrySet().stream()
                  .map(
                      entry ->
                          new Json()
                              .with("id", entry.getKey())
                              .with("result", entry.getValue().name().toLowerCase(Locale.ROOT)))
                  .toList()));
    } else if (results.isEmpty()) {
      output.note("no such issue");
    }
    return (refused ? ExitCode.FAILED : ExitCode.DONE).number();
  }
}
