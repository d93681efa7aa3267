package com.cape.worker.cli;

import com.cape.worker.cli.console.DatabaseOptions;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Output;
import com.cape.worker.cli.console.Screen;
import com.cape.worker.cli.console.Watch;
import com.cape.worker.config.ConfigException;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.read.OverviewRepository;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code cape-worker status}. */
@Command(
    name = "status",
    mixinStandardHelpOptions = true,
    description = {
      "Shows how the queue and the fleet stand.",
      "Counts, workers with what they run, pauses, and what needs a look.",
      "A worker whose state ends in ? has not been heard of for longer than its lease."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker status --watch",
      "  cape-worker status --json | jq .issues.due",
      "",
      "JSON: now; issues {pending, due, retrying, started, unowned, failed, cancelled,"
          + " completed_last_hour, completed_last_day}; oldest_due_since; last_claim_at; workers [{id,"
          + " host, pid, version, state, alive, started_at, heartbeat_at, lease_seconds, free_slots, listening, runs"
          + " [{issue_id, attempt, started_at, seconds, lease_expires_at, lease_margin_seconds}]}]; pauses [{worker, until, reason, since}];"
          + " refusals [{issue_id, status, error, retry_at, tries}]; warnings [text]. Times are ISO 8601 in UTC; unowned issues are started without a running"
          + " attempt; a pause without a worker holds for the fleet; a refusal is a row that the database"
          + " lets nobody claim (status started), or whose end it refuses."
    })
public final class StatusCommand implements Callable<Integer> {
  private static final Duration BETWEEN_LOOKS = Duration.ofSeconds(2);

  @Option(names = "--watch", description = "Draw it again every two seconds, until interrupted.")
  private boolean watch;

  @Mixin private DatabaseOptions database;
  @Mixin private Output output;
  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws ConfigException {
    if (watch) {
      return watch();
    }
    StatusReport report = database.use(StatusCommand::look);
    if (output.json()) {
      output.line(JsonViews.overview(report.overview()).toString());
    } else {
      report.lines(output).forEach(output::line);
    }
    return ExitCode.DONE.number();
  }

  private int watch() throws ConfigException {
    if (output.json() || !output.terminal().output()) {
      throw new ParameterException(
          spec.commandLine(), "--watch draws on a terminal; in a script call 'status' in a loop");
    }
    var screen = new Screen(output);
    return database.use(
        open -> {
          while (true) {
            screen.draw(lines(open));
            Watch.pause(output, BETWEEN_LOOKS);
          }
        });
  }

  private List<String> lines(Database open) {
    try {
      return look(open).lines(output);
    } catch (StoreException e) {
      if (e.kind() != StoreException.Kind.UNAVAILABLE) {
        throw e;
      }
      return List.of(
          output.strong("database unavailable") + ": " + e.getMessage() + "; trying again");
    }
  }

  private static StatusReport look(Database open) {
    return new StatusReport(new OverviewRepository(open).overview());
  }
}
