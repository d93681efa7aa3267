package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.Confirmation;
import com.cape.worker.cli.console.Output;
import com.cape.worker.cli.console.Words;
import com.cape.worker.issue.IssueStatus;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** Which issues a command is to change: named ones, or all of a status. */
final class IssueSelection {
  // As words: picocli would take the first that is no number for another argument.
  @Parameters(paramLabel = "ID", arity = "0..*", description = "The issues' ids.")
  private List<String> words = List.of();

  @Option(names = "--all", description = "All issues of the status that --status names.")
  private boolean all;

  @Option(
      names = "--status",
      paramLabel = "STATUS",
      converter = Words.Status.class,
      description = "With --all.")
  private Optional<IssueStatus> status = Optional.empty();

  @Spec(Spec.Target.MIXEE)
  private CommandSpec spec;

  private List<Long> ids = List.of();

  /** Refuses what makes no sense, before the database is asked. */
  void check(List<IssueStatus> sensible) {
    String name = spec.name();
    if (all != status.isPresent()) {
      throw wrong("--all and --status belong together: '%s --all --status S'".formatted(name));
    }
    if (all == !words.isEmpty()) {
      throw wrong(
          all
              ? "give ids or --all, not both"
              : "say which: '%s ID', or '%1$s --all --status S'".formatted(name));
    }
    if (all && !sensible.contains(status.get())) {
      throw wrong(
          "--status %s: %s takes %s"
              .formatted(
                  status.get().word(),
                  name,
                  sensible.stream().map(IssueStatus::word).collect(Collectors.joining(", "))));
    }
    try {
      ids = words.stream().map(new Words.IssueId()::convert).toList();
    } catch (TypeConversionException e) {
      throw wrong(e.getMessage());
    }
  }

  /**
   * The ids, after the person has agreed to more than the named ones.
   *
   * @param find all that may be changed of a status
   */
  List<Long> ids(Function<IssueStatus, List<Long>> find, Confirmation confirmation, Output output) {
    if (!all) {
      return ids;
    }
    List<Long> found = find.apply(status.orElseThrow());
    if (!found.isEmpty()) {
      confirmation.ask(
          "%s %d %s issue%s?"
              .formatted(
                  spec.name(), found.size(), status.get().word(), found.size() == 1 ? "" : "s"),
          output);
    }
    return found;
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
