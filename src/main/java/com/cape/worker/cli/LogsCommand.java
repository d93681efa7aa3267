package com.cape.worker.cli;

import com.cape.worker.config.ConfigException;
import com.cape.worker.store.AttemptView;
import com.cape.worker.store.IssueQueries;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code cape-worker logs}. */
@Command(
    name = "logs",
    mixinStandardHelpOptions = true,
    description = {
      "Prints what the workflow printed in an issue's last attempt.",
      "Without terminal codes and the passwords of URLs. Where the attempt ran on another host, or its file is gone, the end"
          + " that was kept in the database."
    },
    footer = {"", "Examples:", "  cape-worker logs 42 --attempt 1", "  cape-worker logs 42 -f"})
public final class LogsCommand implements Callable<Integer> {
  private static final int MOST_ATTEMPTS = 1000;

  @Parameters(paramLabel = "ID", converter = Words.IssueId.class, description = "The issue's id.")
  private long id;

  @Option(names = "--attempt", paramLabel = "N", description = "That attempt instead of the last.")
  private Optional<Integer> number = Optional.empty();

  @Option(
      names = {"-f", "--follow"},
      description = "Go on until the attempt has ended; wait for it to begin.")
  private boolean follow;

  @Mixin private DatabaseOptions database;
  @Mixin private Output output;

  @Override
  public Integer call() throws ConfigException {
    return database.use(open -> print(new IssueQueries(open))).number();
  }

  private ExitCode print(IssueQueries queries) {
    AttemptView attempt = attempt(queries);
    try (var printed = new AttemptOutput(output)) {
      while (follow && attempt.running()) {
        printed.print(attempt, false);
        IssueWatch.pause(output);
        attempt = again(queries, attempt);
      }
      printed.print(attempt, true);
      return ExitCode.DONE;
    }
  }

  private AttemptView attempt(IssueQueries queries) {
    Optional<AttemptView> found = find(queries);
    while (found.isEmpty()) {
      if (!follow || number.isPresent()) {
        throw new Refusal(
            ExitCode.FAILED,
            number
                .map(n -> "issue %d has no attempt %d; 'show %1$d' lists them".formatted(id, n))
                .orElse("issue %d has not run yet; -f waits for it".formatted(id)));
      }
      IssueWatch.pause(output);
      found = find(queries);
    }
    return found.get();
  }

  private Optional<AttemptView> find(IssueQueries queries) {
    List<AttemptView> attempts = queries.attempts(id, MOST_ATTEMPTS);
    if (attempts.isEmpty() && queries.look(id).isEmpty()) {
      throw Refusal.noIssue(id);
    }
    return attempts.stream()
        .filter(attempt -> number.isEmpty() || number.get() == attempt.attempt())
        .findFirst();
  }

  private AttemptView again(IssueQueries queries, AttemptView attempt) {
    return queries.attempts(id, MOST_ATTEMPTS).stream()
        .filter(found -> found.fence() == attempt.fence())
        .findFirst()
        .orElse(attempt);
  }
}
