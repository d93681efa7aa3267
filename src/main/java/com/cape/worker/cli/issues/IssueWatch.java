package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.Console;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.Watch;
import com.cape.worker.http.Times;
import com.cape.worker.store.read.IssueQueries;
import com.cape.worker.store.read.IssueView;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Looks at an issue again and again until it has ended. */
final class IssueWatch {
  private static final Set<String> OPEN = Set.of("pending", "started");

  private final IssueQueries queries;
  private final Console console;
  private final Optional<Duration> timeout;

  /**
   * @param timeout after which it gives up
   */
  IssueWatch(IssueQueries queries, Console console, Optional<Duration> timeout) {
    this.queries = queries;
    this.console = console;
    this.timeout = timeout;
  }

  /**
   * Waits for the end.
   *
   * @param each called with what each look found, the last one included
   * @throws Refusal when the time is up, or somebody deleted the issue
   */
  IssueView untilEnded(long id, Consumer<IssueView> each) {
    long start = System.nanoTime();
    return Watch.until(
        console,
        () -> {
          IssueView issue =
              queries
                  .look(id)
                  .orElseThrow(
                      () ->
                          new Refusal(ExitCode.FAILED, "issue %d has been deleted".formatted(id)));
          each.accept(issue);
          if (ended(issue)) {
            return Optional.of(issue);
          }
          giveUpWhenOver(issue, Duration.ofNanos(System.nanoTime() - start));
          return Optional.empty();
        });
  }

  private static boolean ended(IssueView issue) {
    return !OPEN.contains(issue.status()) && !issue.running();
  }

  private void giveUpWhenOver(IssueView issue, Duration waited) {
    if (timeout.isPresent() && waited.compareTo(timeout.get()) >= 0) {
      throw new Refusal(
          ExitCode.TRY_LATER,
          "issue %d is still %s after %s; it goes on, and 'show %1$d' shows how"
              .formatted(issue.id(), issue.status(), Times.brief(timeout.get())));
    }
  }
}
