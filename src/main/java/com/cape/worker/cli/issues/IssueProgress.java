package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.Console;
import com.cape.worker.cli.console.DisplayText;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.Watch;
import com.cape.worker.http.Times;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.store.Database;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.store.read.IssueQueries;
import com.cape.worker.store.read.IssueView;
import com.cape.worker.text.PlainText;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Prints the progress of an issue: its output, or a line that is drawn again and again. Without a
 * terminal it prints a line for each change.
 */
final class IssueProgress {
  private static final Set<String> OPEN = Set.of("pending", "started");
  private static final String TO_LINE_START = "\r";
  private static final String ERASE_THE_REST = "\u001b[K";

  private final IssueQueries queries;
  private final Console output;
  private final Optional<Duration> timeout;
  private final boolean follow;
  private String before = "";

  IssueProgress(Database open, Console output, Optional<Duration> timeout, boolean follow) {
    this.queries = new IssueQueries(open);
    this.output = output;
    this.timeout = timeout;
    this.follow = follow;
  }

  /** Returns how it ended. */
  ExitCode untilEnded(long id) {
    IssueView ended;
    try (var attempts = new AttemptOutput(output)) {
      ended = watch(id, issue -> print(issue, attempts));
    } finally {
      clear();
    }
    boolean completed = ended.status().equals(IssueStatus.COMPLETED.word());
    String cause =
        ended
            .lastError()
            .filter(error -> !completed)
            .map(error -> ": " + PlainText.line(error.lines().findFirst().orElse("")))
            .orElse("");
    output.note("issue %d is %s%s".formatted(id, ended.status(), cause));
    return completed ? ExitCode.DONE : ExitCode.FAILED;
  }

  /** Waits for the end; calls {@code each} with what each look found, the last one included. */
  IssueView watch(long id, Consumer<IssueView> each) {
    long start = System.nanoTime();
    return Watch.until(
        output,
        () -> {
          IssueView issue =
              queries
                  .look(id)
                  .orElseThrow(() -> new Refusal("issue %d has been deleted".formatted(id)));
          each.accept(issue);
          if (!OPEN.contains(issue.status()) && !issue.running()) {
            return Optional.of(issue);
          }
          giveUpWhenOver(issue, Duration.ofNanos(System.nanoTime() - start));
          return Optional.empty();
        });
  }

  private void giveUpWhenOver(IssueView issue, Duration waited) {
    if (timeout.isPresent() && waited.compareTo(timeout.get()) >= 0) {
      throw new Refusal(
          ExitCode.TRY_LATER,
          "issue %d is still %s after %s; it goes on, and 'show %1$d' shows how"
              .formatted(issue.id(), issue.status(), Times.brief(timeout.get())));
    }
  }

  private void print(IssueView issue, AttemptOutput attempts) {
    Optional<AttemptView> attempt = queries.attempt(issue.id(), Optional.empty());
    if (follow) {
      attempt.ifPresent(last -> attempts.print(last, !last.running()));
      return;
    }
    String state = state(issue, attempt.filter(AttemptView::running));
    if (output.terminal().output()) {
      draw(issue, state, attempt.filter(AttemptView::running).flatMap(attempts::lastLine));
    } else if (!state.equals(before)) {
      output.note(state);
    }
    before = state;
  }

  /** What comes next begins on an empty line. */
  private void clear() {
    if (!follow && output.terminal().output()) {
      output.out().print(TO_LINE_START + ERASE_THE_REST);
      output.out().flush();
    }
  }

  private static String state(IssueView issue, Optional<AttemptView> running) {
    return running
        .map(
            attempt ->
                "issue %d: attempt %d on %s"
                    .formatted(issue.id(), attempt.attempt(), PlainText.line(attempt.worker())))
        .orElse("issue %d: %s".formatted(issue.id(), PlainText.line(issue.status())));
  }

  private void draw(IssueView issue, String state, Optional<String> lastLine) {
    Instant since = issue.startedAt().or(issue::updatedAt).or(issue::createdAt).orElse(issue.now());
    String line =
        "%s, %s%s"
            .formatted(
                state,
                Times.between(since, issue.now()),
                lastLine.map(text -> ": " + text).orElse(""));
    String fit = DisplayText.cut(line, output.columns() - 1);
    output.out().print(TO_LINE_START + fit + ERASE_THE_REST);
    output.out().flush();
  }
}
