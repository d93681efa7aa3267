package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.DatabaseOptions;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Output;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.Words;
import com.cape.worker.config.ConfigException;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.dashboard.Warnings;
import com.cape.worker.store.Database;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.store.read.IssueQueries;
import com.cape.worker.store.read.IssueView;
import com.cape.worker.store.read.RefusedWrite;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
    name = "show",
    mixinStandardHelpOptions = true,
    description = "Shows everything about one issue, and its attempts, the last one first.",
    footer = {
      "",
      "Examples:",
      "  cape-worker show 42",
      "  cape-worker show 42 --json | jq -r .attempts[0].output_tail",
      "",
      "JSON: what 'list' has, with the whole description, and attempts [{attempt, fence, run_id,"
          + " worker, host, pid, started_at, lease_expires_at, finished_at, outcome, exit_code, signal,"
          + " error, output_tail, log_file}], at most 100, and refusals [{issue_id, status, error, retry_at,"
          + " tries}]: what the database refused to write to the issue, as 'status' has it."
    })
public final class ShowCommand implements Callable<Integer> {
  private static final int MOST_ATTEMPTS = 100;

  @Parameters(paramLabel = "ID", converter = Words.IssueId.class, description = "The issue's id.")
  private long id;

  @Mixin private DatabaseOptions database;
  @Mixin private Output output;

  private record Found(IssueView issue, List<AttemptView> attempts, List<RefusedWrite> refusals) {}

  @Override
  public Integer call() throws ConfigException {
    Found found = database.use(this::find);
    if (output.json()) {
      output.line(
          JsonViews.issue(found.issue())
              .with("attempts", found.attempts().stream().map(JsonViews::attempt).toList())
              .with("refusals", JsonViews.refusals(found.refusals()))
              .toString());
      return ExitCode.DONE.number();
    }
    IssueText.lines(found.issue()).forEach(output::line);
    Warnings.refusals(found.refusals()).forEach(line -> output.line("refused    " + line));
    if (!found.attempts().isEmpty()) {
      output.line(IssueText.log(found.attempts().get(0)));
      output.line("");
      IssueText.attempts(found.attempts(), found.issue().now())
          .lines(output.columns())
          .forEach(output::line);
    }
    return ExitCode.DONE.number();
  }

  private Found find(Database open) {
    var queries = new IssueQueries(open);
    IssueView issue = queries.find(id).orElseThrow(() -> Refusal.noIssue(id));
    return new Found(issue, queries.attempts(id, MOST_ATTEMPTS), queries.refusals(id));
  }
}
