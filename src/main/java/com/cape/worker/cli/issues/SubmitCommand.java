package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.Confirmation;
import com.cape.worker.cli.console.DatabaseOptions;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Output;
import com.cape.worker.cli.console.Words;
import com.cape.worker.config.ConfigException;
import com.cape.worker.http.Json;
import com.cape.worker.store.Database;
import com.cape.worker.store.operator.OperatorRepository;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "submit",
    mixinStandardHelpOptions = true,
    description = "Submits an issue, or one for each line, and prints the id of each.",
    footer = {
      "",
      "Examples:",
      "  cape-worker submit 'Add a --version option' --priority 5 --wait",
      "  cape-worker submit --file issues.txt --lines --after 2h",
      "",
      "JSON: {ids [number]}. Exit code with --wait or --follow: 0 completed, 1 failed or cancelled,"
          + " 75 when --timeout is over."
    })
public final class SubmitCommand implements Callable<Integer> {
  private static final int LOWEST = Short.MIN_VALUE;
  private static final int HIGHEST = Short.MAX_VALUE;

  @Mixin private Descriptions descriptions;

  @Option(
      names = "--priority",
      paramLabel = "N",
      converter = Words.WholeNumber.class,
      description = "Higher ones are claimed first. Default: 0.")
  private int priority;

  @Option(
      names = "--after",
      paramLabel = "DURATION",
      converter = Words.Length.class,
      description = "Not to be claimed before: 90s, 15m, 2h, 1d, 1h30m.")
  private Duration after = Duration.ZERO;

  @Option(names = "--wait", description = "Wait for its end, with a line that shows its progress.")
  private boolean wait;

  @Option(names = "--follow", description = "Wait for its end, and print what the workflow prints.")
  private boolean follow;

  @Option(
      names = "--timeout",
      paramLabel = "DURATION",
      converter = Words.Length.class,
      description = "Wait no longer; the issue goes on.")
  private Optional<Duration> timeout = Optional.empty();

  @Mixin private Confirmation confirmation;
  @Mixin private DatabaseOptions database;
  @Mixin private Output output;

  @Override
  public Integer call() throws ConfigException {
    List<String> texts = descriptions.read();
    check(texts.size());
    if (texts.size() > 1) {
      confirmation.ask("submit %d issues?".formatted(texts.size()), output);
    }
    return database.use(open -> submit(open, texts)).number();
  }

  private void check(int issues) {
    boolean waits = wait || follow;
    if (priority < LOWEST || priority > HIGHEST) {
      throw output.wrong(
          "--priority %d: must be from %d to %d".formatted(priority, LOWEST, HIGHEST));
    }
    if (waits && issues > 1) {
      throw output.wrong("--wait and --follow take one issue; these are %d".formatted(issues));
    }
    if (wait && follow) {
      throw output.wrong("--wait or --follow, not both");
    }
    if (timeout.isPresent() && !waits) {
      throw output.wrong("--timeout has a meaning with --wait or --follow only");
    }
  }

  private ExitCode submit(Database open, List<String> texts) {
    List<Long> ids = new OperatorRepository(open).submit(texts, priority, after);
    if (output.json()) {
      output.line(new Json().with("ids", ids).toString());
    } else {
      ids.forEach(id -> output.line(Long.toString(id)));
    }
    output.out().flush();
    if (!wait && !follow) {
      return ExitCode.DONE;
    }
    return new IssueProgress(open, output, timeout, follow).untilEnded(ids.get(0));
  }
}
