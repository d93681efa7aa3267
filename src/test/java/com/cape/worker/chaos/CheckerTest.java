package com.cape.worker.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CheckerTest {
  private final List<Checker.Issue> issues = new ArrayList<>();
  private final List<Checker.Attempt> attempts = new ArrayList<>();
  private final List<Checker.Trace> traces = new ArrayList<>();
  private final List<String> survivors = new ArrayList<>();
  private Set<Long> edited = Set.of();
  private Set<Long> refused = Set.of();
  private Set<String> harmed = Set.of();
  private boolean leaseHeld;

  @Test
  void goodRunHasNoFindings() {
    issue("completed");
    attempt(1, "lost");
    attempt(2, "completed");
    traces.add(new Checker.Trace(1, "done", "run 2"));
    assertFound();
  }

  @Test
  void overlapIsFound() {
    traces.add(new Checker.Trace(1, "overlap", "run 1"));
    assertFound(Checker.Count.OVERLAPPING_RUNS);
  }

  @Test
  void issueLeftBehindIsFound() {
    issue("pending");
    assertFound(Checker.Count.ISSUES_IN_NO_FINAL_STATE);
  }

  @Test
  void endThatIsStillToBeWrittenIsFound() {
    issue("completed");
    attempt(1, "completed");
    refused = Set.of(1L);
    assertFound(Checker.Count.ISSUES_IN_NO_FINAL_STATE);
  }

  @Test
  void resultThatNobodyWroteIsFound() {
    issue("failed");
    attempt(1, "lost");
    traces.add(new Checker.Trace(1, "done", "run 1"));
    assertFound(Checker.Count.RESULTS_LOST);
  }

  @Test
  void resultOfAnEarlierClaimIsNoLoss() {
    issue("failed");
    attempt(1, "lost");
    attempt(2, "failed");
    traces.add(new Checker.Trace(1, "done", "run 1"));
    assertFound();
  }

  @Test
  void resultOfARunThatADrainStoppedIsNoLoss() {
    issue("cancelled");
    attempt(1, "interrupted");
    traces.add(new Checker.Trace(1, "done", "run 1"));
    assertFound();
  }

  @Test
  void resultOfARunThatWasCancelledBeforeItsExitIsNoLoss() {
    issue("cancelled");
    attempt(1, "cancelled");
    traces.add(new Checker.Trace(1, "done", "run 1"));
    assertFound();
  }

  @Test
  void runLostWithinItsLeaseIsFoundUnlessItsGuardianWasHarmed() {
    leaseHeld = true;
    attempt(1, "lost");
    assertFound(Checker.Count.RUNS_LOST_FOR_NO_REASON);
    harmed = Set.of("run 1");
    assertFound();
    harmed = Set.of();
    traces.add(new Checker.Trace(1, "harm", "run 1"));
    assertFound();
  }

  @Test
  void survivorIsFound() {
    survivors.add("sleep");
    assertFound(Checker.Count.SURVIVING_PROCESSES);
  }

  @Test
  void openAttemptIsFound() {
    attempt(1, "running");
    assertFound(Checker.Count.ATTEMPTS_WITHOUT_AN_ENDING);
  }

  @Test
  void completionByAnEarlierClaimIsFoundUnlessSomebodyEditedTheIssue() {
    issue("completed");
    attempt(1, "completed");
    attempt(2, "interrupted");
    assertFound(Checker.Count.WRITES_UNDER_A_STALE_CLAIM);
    edited = Set.of(1L);
    assertFound();
  }

  @Test
  void secondCompletionIsFound() {
    issue("completed");
    attempt(1, "completed");
    attempt(2, "completed");
    assertFound(Checker.Count.WRITES_UNDER_A_STALE_CLAIM);
  }

  private void issue(String status) {
    issues.add(new Checker.Issue(1, status));
  }

  private void attempt(long fence, String outcome) {
    attempts.add(
        new Checker.Attempt(
            1, fence, "run " + fence, outcome, "", !outcome.equals("running"), leaseHeld));
  }

  private void assertFound(Checker.Count... counts) {
    var found =
        Checker.check(
            new Checker.Evidence(issues, attempts, traces, edited, refused, harmed, survivors));
    assertEquals(
        Set.of(counts),
        Set.copyOf(found.keySet().stream().filter(count -> !found.get(count).isEmpty()).toList()));
  }
}
