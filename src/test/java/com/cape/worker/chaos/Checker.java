package com.cape.worker.chaos;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Judges from traces and tables whether the promises held. Knows no database and no process. */
final class Checker {
  private static final Set<String> FINAL = Set.of("completed", "failed", "cancelled");

  private Checker() {}

  /** What must never be. */
  enum Count {
    OVERLAPPING_RUNS,
    ISSUES_IN_NO_FINAL_STATE,
    RESULTS_LOST,
    SURVIVING_PROCESSES,
    ATTEMPTS_WITHOUT_AN_ENDING,
    WRITES_UNDER_A_STALE_CLAIM
  }

  /** A row of cape_issues. */
  record Issue(long id, String status) {}

  /** A row of cape_issue_attempts; exitCode is empty where none was written. */
  record Attempt(
      long issueId, long fence, String runId, String outcome, String exitCode, boolean finished) {}

  /** A line that a workflow wrote: overlap, start, or done before an exit 0. */
  record Trace(long issueId, String event, String runId) {}

  /**
   * All that is known at the end.
   *
   * @param edited issues that somebody changed by hand
   * @param refused issues of which a claim or an end is still to be written
   * @param survivors processes in words
   */
  record Evidence(
      List<Issue> issues,
      List<Attempt> attempts,
      List<Trace> traces,
      Set<Long> edited,
      Set<Long> refused,
      List<String> survivors) {}

  /** What was found, each with the issue or process concerned. */
  static Map<Count, List<String>> check(Evidence evidence) {
    Map<Count, List<String>> found = new EnumMap<>(Count.class);
    for (Count count : Count.values()) {
      found.put(count, new ArrayList<>());
    }
    evidence.traces().stream()
        .filter(trace -> trace.event().equals("overlap"))
        .forEach(trace -> found.get(Count.OVERLAPPING_RUNS).add(word(trace.issueId())));
    evidence.attempts().stream()
        .filter(attempt -> attempt.outcome().equals("running") || !attempt.finished())
        .forEach(
            attempt -> found.get(Count.ATTEMPTS_WITHOUT_AN_ENDING).add(word(attempt.issueId())));
    found.get(Count.SURVIVING_PROCESSES).addAll(evidence.survivors());
    Map<Long, List<Attempt>> attempts =
        evidence.attempts().stream().collect(Collectors.groupingBy(Attempt::issueId));
    evidence.refused().forEach(id -> found.get(Count.ISSUES_IN_NO_FINAL_STATE).add(word(id)));
    for (Issue issue : evidence.issues()) {
      if (!evidence.refused().contains(issue.id()) && !FINAL.contains(issue.status())) {
        found.get(Count.ISSUES_IN_NO_FINAL_STATE).add(word(issue.id()));
      }
      if (!evidence.edited().contains(issue.id())) {
        checkResults(issue, attempts.getOrDefault(issue.id(), List.of()), evidence, found);
      }
    }
    return found;
  }

  private static void checkResults(
      Issue issue, List<Attempt> attempts, Evidence evidence, Map<Count, List<String>> found) {
    Optional<Attempt> last = attempts.stream().max(Comparator.comparingLong(Attempt::fence));
    boolean completed = issue.status().equals("completed");
    boolean lastCompleted =
        last.filter(attempt -> attempt.outcome().equals("completed")).isPresent();
    long completions =
        attempts.stream().filter(attempt -> attempt.outcome().equals("completed")).count();
    if (completed != lastCompleted || completions > 1) {
      found.get(Count.WRITES_UNDER_A_STALE_CLAIM).add(word(issue.id()));
    }
    // A later claim may take the issue, and a signal may come between the last line and the exit.
    if (last.filter(attempt -> done(attempt, evidence) && !stopped(attempt)).isPresent()
        && !completed) {
      found.get(Count.RESULTS_LOST).add(word(issue.id()));
    }
  }

  private static boolean done(Attempt attempt, Evidence evidence) {
    return evidence.traces().stream()
        .anyMatch(trace -> trace.event().equals("done") && trace.runId().equals(attempt.runId()));
  }

  /** By a signal, or by a drain, which wins over exit 0. */
  private static boolean stopped(Attempt attempt) {
    return attempt.exitCode().equals("143")
        || attempt.exitCode().equals("137")
        || attempt.outcome().equals("interrupted");
  }

  private static String word(long issueId) {
    return "issue " + issueId;
  }
}
