package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.DataCommand;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.dashboard.Warnings;
import com.cape.worker.store.Database;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.store.read.IssueQueries;
import com.cape.worker.store.read.IssueView;
import com.cape.worker.store.read.RefusedWrite;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
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
public final class ShowCommand extends DataCommand {
  private static final int MOST_ATTEMPTS = 100;

  @Parameters(paramLabel = "ID", description = "The issue's id.")
  private long id;

  @Override
  protected ExitCode run(Database open) {
    var queries = new IssueQueries(open);
    IssueView issue = queries.find(id).orElseThrow(() -> Refusal.noIssue(id));
    List<AttemptView> attempts = queries.attempts(id, MOST_ATTEMPTS);
    List<RefusedWrite> refusals = queries.refusals(id);
    if (json) {
      output.line(
          JsonViews.issue(issue)
              .with("attempts", attempts.stream().map(JsonViews::attempt).toList())
              .with("refusals", JsonViews.refusals(refusals)));
      return ExitCode.DONE;
    }
    IssueText.lines(issue).forEach(output::line);
    Warnings.refusals(refusals).forEach(line -> output.line("refused    " + line));
    if (!attempts.isEmpty()) {
      output.line(IssueText.log(attempts.get(0)));
      output.line("");
      IssueText.attempts(attempts, issue.now()).lines(output.columns()).forEach(output::line);
    }
    return ExitCode.DONE;
  }
}
