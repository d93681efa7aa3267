package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.DatabaseCommand;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.Watch;
import com.cape.worker.store.Database;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.store.read.IssueQueries;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    description = {
      "Prints what the workflow printed in an issue's last attempt.",
      "Without terminal codes and the passwords of URLs. Where the attempt ran on another host, or its file is gone, the end"
          + " that was kept in the database."
    },
    footer = {"", "Examples:", "  cape-worker logs 42 --attempt 1", "  cape-worker logs 42 -f"})
public final class LogsCommand extends DatabaseCommand {
  @Parameters(paramLabel = "ID", description = "The issue's id.")
  private long id;

  @Option(names = "--attempt", paramLabel = "N", description = "That attempt instead of the last.")
  private Optional<Integer> number = Optional.empty();

  @Option(
      names = {"-f", "--follow"},
      description = "Go on until the attempt has ended; wait for it to begin.")
  private boolean follow;

  @Override
  protected ExitCode run(Database open) {
    var queries = new IssueQueries(open);
    AttemptView begun = attempt(queries);
    try (var printed = new AttemptOutput(output)) {
      boolean wait = follow && begun.running();
      AttemptView last =
          wait ? Watch.until(output, () -> ended(queries, begun.fence(), printed)) : begun;
      printed.print(last, true);
      return ExitCode.DONE;
    }
  }

  private AttemptView attempt(IssueQueries queries) {
    if (follow && number.isEmpty()) {
      return Watch.until(output, () -> find(queries));
    }
    return find(queries)
        .orElseThrow(
            () ->
                new Refusal(
                    number
                        .map(
                            n ->
                                "issue %d has no attempt %d; 'show %1$d' lists them"
                                    .formatted(id, n))
                        .orElse("issue %d has not run yet; -f waits for it".formatted(id))));
  }

  private Optional<AttemptView> find(IssueQueries queries) {
    Optional<AttemptView> attempt = queries.attempt(id, number);
    if (attempt.isEmpty() && queries.look(id).isEmpty()) {
      throw Refusal.noIssue(id);
    }
    return attempt;
  }

  /** The attempt once it has ended; prints what is new until then. */
  private Optional<AttemptView> ended(IssueQueries queries, long fence, AttemptOutput printed) {
    AttemptView attempt = queries.attempt(id, fence).orElseThrow(() -> Refusal.noIssue(id));
    if (attempt.running()) {
      printed.print(attempt, false);
    }
    return Optional.of(attempt).filter(found -> !found.running());
  }
}
