package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.Confirmation;
import com.cape.worker.cli.console.DataCommand;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Words;
import com.cape.worker.http.Json;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.store.Database;
import com.cape.worker.store.operator.ChangeResult;
import com.cape.worker.store.operator.OperatorRepository;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Changes issues: named ones, or all of a status. Prints the result of each. */
abstract class ChangeCommand extends DataCommand {
  // As words: picocli would take the first that is no number for another argument.
  @Parameters(paramLabel = "ID", arity = "0..*", description = "The issues' ids.")
  private List<String> words = List.of();

  @Option(names = "--all", description = "All issues of the status that --status names.")
  private boolean all;

  @Option(names = "--status", paramLabel = "STATUS", description = "With --all.")
  private Optional<IssueStatus> status = Optional.empty();

  @Mixin private Confirmation confirmation;
  @Spec private CommandSpec spec;
  private List<Long> ids = List.of();

  /** Returns the statuses that {@code --status} may name. */
  abstract List<IssueStatus> sensible();

  /** Returns all issues of a status that may be changed. */
  abstract List<Long> changeable(OperatorRepository issues, IssueStatus of);

  abstract Map<Long, ChangeResult> change(Database open, List<Long> issues);

  @Override
  protected final void check() {
    String name = spec.name();
    if (all != status.isPresent()) {
      throw output.wrong(
          "--all and --status belong together: '%s --all --status S'".formatted(name));
    }
    if (all == !words.isEmpty()) {
      throw output.wrong(
          all
              ? "give ids or --all, not both"
              : "say which: '%s ID', or '%1$s --all --status S'".formatted(name));
    }
    if (all && !sensible().contains(status.get())) {
      throw output.wrong(
          "--status %s: %s takes %s"
              .formatted(
                  status.get().word(),
                  name,
                  sensible().stream().map(IssueStatus::word).collect(Collectors.joining(", "))));
    }
    try {
      ids = words.stream().map(Words::issueId).toList();
    } catch (TypeConversionException e) {
      throw output.wrong(e.getMessage());
    }
  }

  @Override
  protected final ExitCode run(Database open) {
    if (all) {
      ids = changeable(new OperatorRepository(open), status.get());
      if (!ids.isEmpty()) {
        confirmation.ask(
            "%s %d %s issue%s?"
                .formatted(
                    spec.name(), ids.size(), status.get().word(), ids.size() == 1 ? "" : "s"),
            output);
      }
    }
    Map<Long, ChangeResult> results = change(open, ids);
    results.forEach(
        (id, result) -> {
          if (!result.done()) {
            output.note(result.text(id));
          } else if (!json) {
            output.line(result.text(id));
          }
        });
    if (json) {
      output.line(Json.text(results.entrySet().stream().map(ChangeCommand::toJson).toList()));
    } else if (results.isEmpty()) {
      output.note("no such issue");
    }
    boolean done = results.values().stream().allMatch(ChangeResult::done);
    return done ? ExitCode.DONE : ExitCode.FAILED;
  }

  private static Json toJson(Map.Entry<Long, ChangeResult> change) {
    return new Json().with("id", change.getKey()).with("result", change.getValue().word());
  }
}
