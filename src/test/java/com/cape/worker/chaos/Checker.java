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
    WRITES_UNDER_A_STALE_CLAIM,
    RUNS_LOST_FOR_NO_REASON
  }

  /** A row of cape_issues. */
  record Issue(long id, String status) {}

  /**
   * A row of cape_issue_attempts.
   *
   * @param exitCode empty where none was written
   * @param leaseHeld whether it was closed before its lease ended
   */
  record Attempt(
      long issueId,
      long fence,
      String runId,
      String outcome,
      String exitCode,
      boolean finished,
      boolean leaseHeld) {}

  /**
   * A line that a workflow wrote: overlap, start, harm to its guardian, or done before an exit 0.
   */
  record Trace(long issueId, String event, String runId) {}

  /**
   * All that is known at the end.
   *
   * @param edited issues that somebody changed by hand
   * @param harmed runs whose guardian or folder was harmed, or which an older version took over
   * @param refused issues of which a claim or an end is still to be written
   * @param survivors processes in words
   */
  record Evidence(
      List<Issue> issues,
      List<Attempt> attempts,
      List<Trace> traces,
      Set<Long> edited,
      Set<Long> refused,
      Set<String> harmed,
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
    evidence.attempts().stream()
        .filter(attempt -> attempt.outcome().equals("lost") && attempt.leaseHeld())
        .filter(attempt -> !evidence.harmed().contains(attempt.runId()))
        .filter(attempt -> !traced(attempt, "harm", evidence))
        .filter(attempt -> !evidence.edited().contains(attempt.issueId()))
        .forEach(attempt -> found.get(Count.RUNS_LOST_FOR_NO_REASON).add(word(attempt.issueId())));
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
    if (last.filter(attempt -> done(attempt, evidence) && !stopped(attempt))
            .filter(attempt -> !evidence.harmed().contains(attempt.runId()))
            .isPresent()
        && !completed) {
      found.get(Count.RESULTS_LOST).add(word(issue.id()));
    }
  }

  private static boolean done(Attempt attempt, Evidence evidence) {
    return traced(attempt, "done", evidence);
  }

  private static boolean traced(Attempt attempt, String event, Evidence evidence) {
    return evidence.traces().stream()
        .anyMatch(trace -> trace.event().equals(event) && trace.runId().equals(attempt.runId()));
  }

  /**
   * By a signal; or by a drain or a cancel that came before the exit 0, which then is no success.
   */
  private static boolean stopped(Attempt attempt) {
    return attempt.exitCode().equals("143")
        || attempt.exitCode().equals("137")
        || attempt.outcome().equals("interrupted")
        || attempt.outcome().equals("cancelled");
  }

  private static String word(long issueId) {
    return "issue " + issueId;
  }
}
