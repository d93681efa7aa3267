package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.DisplayText;
import com.cape.worker.cli.console.Table;
import com.cape.worker.http.Times;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.store.read.IssueView;
import com.cape.worker.text.PlainText;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Issues and their attempts as text. */
final class IssueText {
  private static final int LONGEST_DESCRIPTION = 2000;

  private IssueText() {}

  static Table table(List<IssueView> issues) {
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

  private static String when(IssueView issue) {
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

  /** All of an issue but its attempts. */
  static List<String> lines(IssueView issue) {
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
    String when = when(issue);
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

  static Table attempts(List<AttemptView> attempts, Instant now) {
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
  static String log(AttemptView attempt) {
    return field(
        "log",
        attempt
            .logFile()
            .map(file -> PlainText.line(attempt.host() + ":" + file))
            .orElse("of attempt %d: none".formatted(attempt.attempt())));
  }

  private static String ending(AttemptView attempt) {
    return attempt
        .signal()
        .map(" signal %d"::formatted)
        .or(() -> attempt.exitCode().map(" exit %d"::formatted))
        .orElse("");
  }
}
