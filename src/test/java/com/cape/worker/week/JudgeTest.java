package com.cape.worker.week;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.week.Judge.Outage;
import com.cape.worker.week.Judge.State;
import com.cape.worker.week.Judge.Verdict;
import com.cape.worker.week.Judge.Waste;
import com.cape.worker.week.Run.Ending;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

/** The judge with made-up ledgers; two issues of 40 and 60 minutes. */
class JudgeTest {
  private static final double END = 1000;
  private static final Plan PLAN =
      new Plan(
          List.of(new Plan.Issue(1, 40, "codex"), new Plan.Issue(2, 60, "codex")),
          List.of(),
          List.of(),
          END);
  private static final Map<Integer, State> ALL_DONE = Map.of(1, State.DONE, 2, State.DONE);
  private static final List<Outage> NONE = List.of();
  private static final Run FIRST = run(1, "a", 200, 240, Ending.OK);
  private static final Run SECOND = run(2, "b", 200, 260, Ending.OK);

  @Test
  void workThatWasNeededIsNoWaste() {
    Verdict verdict = judge(List.of(FIRST, SECOND), NONE, ALL_DONE);

    assertWaste(Map.of(), verdict);
    assertEquals(OptionalDouble.of(260), verdict.done());
    assertEquals(2, verdict.runs());
  }

  @Test
  void eachCauseIsCountedByItself() {
    List<Run> runs =
        List.of(
            run(1, "a", 0, 10, Ending.MIDRUN),
            run(1, "a", 20, 21, Ending.START),
            run(1, "a", 30, 70, Ending.FINAL),
            run(2, "b", 0, 5, Ending.NONE),
            run(2, "c", 50, 53, Ending.NONE),
            FIRST,
            SECOND);

    Verdict verdict =
        judge(runs, List.of(new Outage("b", 5, 7), new Outage("a", 50, 55)), ALL_DONE);

    assertWaste(
        Map.of(
            Waste.FAULT, 10.0,
            Waste.IN_VAIN, 1.0,
            Waste.BROKEN_HOST, 40.0,
            Waste.RESTART, 5.0,
            Waste.OTHER, 3.0),
        verdict);
    assertEquals(49, verdict.percentBeyondFaults(), 1e-9);
  }

  @Test
  void onlyWhatWasPaidCounts() {
    var waited = new Run(1, "a", 0, 13, Ending.MIDRUN, "outage", 10);

    assertWaste(Map.of(Waste.FAULT, 10.0), judge(List.of(waited, FIRST, SECOND), NONE, ALL_DONE));
  }

  @Test
  void successThatWasRunAgainAfterACrashIsWaste() {
    List<Run> runs = List.of(FIRST, SECOND, run(1, "b", 500, 540, Ending.OK));

    assertWaste(
        Map.of(Waste.RESTART, 40.0), judge(runs, List.of(new Outage("a", 240.5, 242)), ALL_DONE));
    assertWaste(Map.of(Waste.OTHER, 40.0), judge(runs, NONE, ALL_DONE));
  }

  @Test
  void runThatIsUnderWayAtTheEndIsNoWaste() {
    Verdict verdict =
        judge(
            List.of(FIRST, run(2, "b", 980, END, Ending.NONE)),
            NONE,
            Map.of(1, State.DONE, 2, State.OPEN));

    assertWaste(Map.of(), verdict);
    assertEquals(1, verdict.stuck());
    assertTrue(verdict.done().isEmpty());
  }

  @Test
  void issuesGivenUpAndStuckAreFound() {
    Verdict verdict =
        judge(List.of(FIRST), NONE, Map.of(1, State.DONE, 2, State.GIVEN_UP, 3, State.OPEN));

    assertEquals(1, verdict.givenUp());
    assertEquals(1, verdict.stuck());
    assertEquals(0, verdict.wronglyDone());
  }

  @Test
  void issueWithoutASuccessIsNotDone() {
    Verdict verdict = judge(List.of(FIRST, run(2, "b", 0, 9, Ending.MIDRUN)), NONE, ALL_DONE);

    assertEquals(1, verdict.wronglyDone());
  }

  @Test
  void runsOfOneIssueAtTheSameTimeAreFound() {
    List<Run> runs =
        List.of(run(1, "b", 150, 210, Ending.NONE), FIRST, run(1, "c", 205, 206, Ending.START));

    assertEquals(2, judge(runs, NONE, ALL_DONE).overlaps());
    assertEquals(0, judge(List.of(FIRST, SECOND), NONE, ALL_DONE).overlaps());
  }

  private static Run run(int issue, String host, double begin, double end, Ending ending) {
    return new Run(issue, host, begin, end, ending, "-", end - begin);
  }

  private static Verdict judge(List<Run> runs, List<Outage> restarts, Map<Integer, State> states) {
    return new Judge(2).judge(PLAN, runs, restarts, states, END);
  }

  private static void assertWaste(Map<Waste, Double> expected, Verdict verdict) {
    Map<Waste, Double> all = new EnumMap<>(Waste.class);
    for (Waste cause : Waste.values()) {
      all.put(cause, expected.getOrDefault(cause, 0.0));
    }
    assertEquals(all, verdict.wasted());
  }
}
