package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.DataCommand;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Table;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.http.Json;
import com.cape.worker.http.Times;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.read.IssueQueries;
import com.cape.worker.store.read.IssueSearch;
import com.cape.worker.store.read.IssueView;
import com.cape.worker.text.PlainText;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    description = {
      "Lists issues, the newest first.",
      "On a terminal each takes one line, cut where it ends; a pipe"
          + " gets the first 1000 characters of a description."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker list --status failed --limit 50",
      "  cape-worker list --sort queue",
      "",
      "JSON: a list of {id, status, description, description_length, priority, attempts, fence,"
          + " worker, run_after, created_at, updated_at, started_at, completed_at,"
          + " cancel_requested_at, last_error, running}. The description is cut after 1000"
          + " characters; description_length counts all of them."
    })
public final class ListCommand extends DataCommand {
  private static final int MOST = 10_000;

  @Option(
      names = "--status",
      paramLabel = "STATUS",
      split = ",",
      description =
          "Only these: pending, started, completed, failed, cancelled, separated by commas.")
  private List<IssueStatus> statuses = List.of();

  @Option(
      names = "--worker",
      paramLabel = "ID",
      description = "Only those that this worker runs, or was the last to run.")
  private Optional<WorkerId> worker = Optional.empty();

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "At most so many, up to 10000. Default: 20.")
  private int limit = 20;

  @Option(
      names = "--sort",
      paramLabel = "ORDER",
      description = "newest (default), oldest, or queue: pending ones as they are claimed.")
  private IssueQueries.Sort sort = IssueQueries.Sort.NEWEST;

  @Override
  protected void check() {
    if (limit < 1 || limit > MOST) {
      throw output.wrong("--limit %d: must be a whole number from 1 to %d".formatted(limit, MOST));
    }
    if (sort == IssueQueries.Sort.QUEUE && !List.of(IssueStatus.PENDING).containsAll(statuses)) {
      throw output.wrong("--sort queue: only pending issues are in the queue; leave --status out");
    }
  }

  @Override
  protected ExitCode run(Database open) {
    var query =
        new IssueSearch.Query(
            statuses, worker, Optional.empty(), Optional.empty(), sort, Optional.empty(), limit);
    List<IssueView> issues = new IssueSearch(open).all(query);
    if (json) {
      output.line(Json.text(issues.stream().map(JsonViews::issue).toList()));
    } else if (issues.isEmpty()) {
      output.note("no such issue");
    } else {
      table(issues).lines(output.columns()).forEach(output::line);
    }
    return ExitCode.DONE;
  }

  private static Table table(List<IssueView> issues) {
    var table = new Table("ID", "STATUS", "TRIES", "WORKER", "WHEN", "DESCRIPTION");
    for (IssueView issue : issues) {
      table.add(
          Long.toString(issue.id()),
          PlainText.line(issue.status()),
          Integer.toString(issue.attempts()),
          issue.worker().map(PlainText::line).orElse("-"),
          when(issue),
          PlainText.line(issue.description()));
    }
    return table;
  }

  /** How long an issue has been as it is, or until when it waits. */
  static String when(IssueView issue) {
    Instant now = issue.now();
    return switch (issue.status()) {
      case "pending" ->
          issue
              .runAfter()
              .map(
                  due ->
                      due.isAfter(now)
                          ? "in " + Times.between(now, due)
                          : "due " + Times.between(due, now))
              .orElse("due");
      case "started" ->
          issue.startedAt().map(since -> "for " + Times.between(since, now)).orElse("-");
      default ->
          issue
              .completedAt()
              .or(issue::updatedAt)
              .map(since -> Times.between(since, now) + " ago")
              .orElse("-");
    };
  }
}
