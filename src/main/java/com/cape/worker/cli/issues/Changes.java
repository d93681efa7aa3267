package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Output;
import com.cape.worker.http.Json;
import com.cape.worker.store.operator.ChangeResult;
import java.util.List;
import java.util.Map;

/** Prints the result of each change that a command was asked for. */
final class Changes {
  private Changes() {}

  /** Returns the exit code: failed when one was refused. */
  static int print(Map<Long, ChangeResult> results, Output output) {
    results.forEach(
        (id, result) -> {
          if (!result.done()) {
            output.note(result.text(id));
          } else if (!output.json()) {
            output.line(result.text(id));
          }
        });
    if (output.json()) {
      List<Json> list =
          results.entrySet().stream()
              .map(
                  entry ->
                      new Json().with("id", entry.getKey()).with("result", entry.getValue().word()))
              .toList();
      output.line(Json.text(list));
    } else if (results.isEmpty()) {
      output.note("no such issue");
    }
    boolean done = results.values().stream().allMatch(ChangeResult::done);
    return (done ? ExitCode.DONE : ExitCode.FAILED).number();
  }
}
