package com.cape.worker.cli;

import com.cape.worker.store.IssueQueries;
import com.cape.worker.store.IssueView;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Looks at an issue again and again until it has ended. */
final class IssueWatch {
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(500);
  private static final Set<String> OPEN = Set.of("pending", "started");

  private final IssueQueries queries;
  private final Output output;
  private final Optional<Duration> timeout;

  /**
   * Looks at nothing yet.
   *
   * @param timeout after which it gives up
   */
  IssueWatch(IssueQueries queries, Output output, Optional<Duration> timeout) {
    this.queries = queries;
    this.output = output;
    this.timeout = timeout;
  }

  /**
   * Waits for the end.
   *
   * @param each is told what each look saw, the last one included
   * @throws Refusal when the time is up, or somebody deleted the issue
   */
  IssueView untilEnded(long id, Consumer<IssueView> each) {
    long start = System.nanoTime();
    while (true) {
      IssueView issue =
          queries
              .look(id)
              .orElseThrow(
                  () -> new Refusal(ExitCode.FAILED, "issue %d has been deleted".formatted(id)));
      each.accept(issue);
      if (ended(issue)) {
        return issue;
      }
      Duration waited = Duration.ofNanos(System.nanoTime() - start);
      if (timeout.isPresent() && waited.compareTo(timeout.get()) >= 0) {
        throw new Refusal(
            ExitCode.TRY_LATER,
            "issue %d is still %s after %s; it goes on, and 'show %1$d' tells"
                .formatted(id, issue.status(), Times.brief(timeout.get())));
      }
      pause(output);
    }
  }

  private static boolean ended(IssueView issue) {
    return !OPEN.contains(issue.status()) && !issue.running();
  }

  static void pause(Output output) {
    pause(output, BETWEEN_LOOKS);
  }

  /** Until the next look. Ends the command when nobody reads what it prints any more. */
  static void pause(Output output, Duration length) {
    if (output.out().checkError()) {
      throw new Refusal(ExitCode.FAILED, "nobody reads the output any more");
    }
    try {
      Thread.sleep(length.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Refusal(ExitCode.FAILED, "interrupted");
    }
  }
}
