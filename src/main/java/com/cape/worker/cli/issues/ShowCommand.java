package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.DataCommand;
import com.cape.worker.cli.console.DisplayText;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.Table;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.dashboard.Warnings;
import com.cape.worker.http.Times;
import com.cape.worker.store.Database;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.store.read.IssueQueries;
import com.cape.worker.store.read.IssueView;
import com.cape.worker.store.read.RefusedWrite;
import com.cape.worker.text.PlainText;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
      "JSON: what 'list' has, with the whole description, waiting: why a pending issue is not running, attempts [{attempt, fence, run_id,"
          + " worker, host, pid, started_at, lease_expires_at, finished_at, outcome, exit_code, signal,"
          + " error, output_tail, log_file, adopted_at, adoptions}], at most 100, and refusals [{issue_id, status, error, retry_at,"
          + " tries}]: what the database refused to write to the issue, as 'status' has it."
    })
public final class ShowCommand extends DataCommand {
  private static final int MOST_ATTEMPTS = 100;
  private static final int LONGEST_DESCRIPTION = 2000;

  @Parameters(paramLabel = "ID", description = "The issue's id.")
  private long id;

  @Override
  protected ExitCode run(Database open) {
    var queries = new IssueQueries(open);
    IssueView issue = queries.find(id).orElseThrow(() -> Refusal.noIssue(id));
    List<AttemptView> attempts = queries.attempts(id, MOST_ATTEMPTS);
    List<RefusedWrite> refusals = queries.refusals(id);
    Optional<String> waiting = queries.whyWaiting(id);
    if (json) {
      output.line(
          JsonViews.issue(issue)
              .with("waiting", waiting)
              .with("attempts", attempts.stream().map(JsonViews::attempt).toList())
              .with("refusals", JsonViews.refusals(refusals)));
      return ExitCode.DONE;
    }
    lines(issue).forEach(output::line);
    waiting.ifPresent(why -> output.line(field("waiting", PlainText.line(why))));
    Warnings.refusals(refusals).forEach(line -> output.line("refused    " + line));
    if (!attempts.isEmpty()) {
      output.line(log(attempts.get(0)));
      adoption(attempts.get(0)).ifPresent(output::line);
      output.line("");
      attempts(attempts, issue.now()).lines(output.columns()).forEach(output::line);
    }
    return ExitCode.DONE;
  }

  /** All of an issue but its attempts. */
  private static List<String> lines(IssueView issue) {
    List<String> lines = new ArrayList<>();
    lines.add(field("issue", Long.toString(issue.id())));
    lines.add(field("status", PlainText.line(issue.status()) + standing(issue)));
    lines.add(field("priority", Integer.toString(issue.priority())));
    lines.add(field("attempts", "%d counted, fence %d".formatted(issue.attempts(), issue.fence())));
    issue.worker().ifPresent(id -> lines.add(field("worker", PlainText.line(id))));
    addTime(lines, "due", issue.runAfter());
    addTime(lines, "created", issue.createdAt());
    addTime(lines, "started", issue.startedAt());
    addTime(lines, "updated", issue.updatedAt());
    addTime(lines, "completed", issue.completedAt());
    addTime(lines, "cancel", issue.cancelRequestedAt());
    lines.addAll(fields("text", description(issue)));
    issue.lastError().ifPresent(error -> lines.addAll(fields("error", error)));
    return lines;
  }

  private static String standing(IssueView issue) {
    String when = ListCommand.when(issue);
    boolean unowned = issue.status().equals("started") && !issue.running();
    String state =
        unowned
            ? ", but no attempt is running: somebody else started it, or its end is still to be written"
            : "";
    return (when.equals("-") ? "" : " (" + when + ")") + state;
  }

  private static String description(IssueView issue) {
    if (issue.descriptionLength() <= LONGEST_DESCRIPTION) {
      return issue.description();
    }
    int end = issue.description().offsetByCodePoints(0, LONGEST_DESCRIPTION);
    return "%s … (%d characters in all; --json prints them)"
        .formatted(issue.description().substring(0, end), issue.descriptionLength());
  }

  private static void addTime(List<String> lines, String name, Optional<Instant> time) {
    time.ifPresent(value -> lines.add(field(name, Times.full(value))));
  }

  private static String field(String name, String value) {
    return DisplayText.padded(name, 11) + value;
  }

  /** A text of several lines, the further ones under the first. */
  private static List<String> fields(String name, String text) {
    List<String> lines = new ArrayList<>();
    PlainText.lines(text)
        .lines()
        .forEach(line -> lines.add(field(lines.isEmpty() ? name : "", line).stripTrailing()));
    return lines;
  }

  private static Table attempts(List<AttemptView> attempts, Instant now) {
    var table = new Table("TRY", "OUTCOME", "TOOK", "STARTED", "WORKER");
    for (AttemptView attempt : attempts) {
      table.add(
          Integer.toString(attempt.attempt()),
          attempt.outcome().word() + ending(attempt),
          Times.between(attempt.startedAt(), attempt.finishedAt().orElse(now)),
          Times.full(attempt.startedAt()),
          PlainText.line(attempt.worker() + " on " + attempt.host()));
    }
    return table;
  }

  /** Where the output of an attempt is, which a script may want whole. */
  private static String log(AttemptView attempt) {
    return field(
        "log",
        attempt
            .logFile()
            .map(file -> PlainText.line(attempt.host() + ":" + file))
            .orElse("of attempt %d: none".formatted(attempt.attempt())));
  }

  private static Optional<String> adoption(AttemptView attempt) {
    return attempt
        .adoptedAt()
        .map(
            at ->
                field(
                    "adopted",
                    "by this worker's next process at %s, %s"
                        .formatted(Times.full(at), times(attempt.adoptions()))));
  }

  private static String times(int count) {
    return switch (count) {
      case 1 -> "once";
      case 2 -> "twice";
      default -> count + " times";
    };
  }

  private static String ending(AttemptView attempt) {
    return attempt
        .signal()
        .map(" signal %d"::formatted)
        .or(() -> attempt.exitCode().map(" exit %d"::formatted))
        .orElse("");
  }
}
