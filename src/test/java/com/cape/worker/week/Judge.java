package com.cape.worker.week;

import java.util.Collection;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/** Says from the ledger, the restarts and the queue's own word what became of the paid work. */
final class Judge {
  /** What the queue says of an issue. */
  enum State {
    DONE,
    GIVEN_UP,
    OPEN
  }

  enum Waste {
    FAULT("cut off by the fault itself"),
    RESTART("restarts and crashes"),
    BROKEN_HOST("broken host"),
    IN_VAIN("started in vain during a fault"),
    OTHER("anything else");

    final String text;

    Waste(String text) {
      this.text = text;
    }
  }

  /** A restart as it took place, until the worker's process was gone. */
  record Outage(String host, double from, double until) {}

  /** What was needed and thrown away, in simulated minutes. Done is empty when work was left. */
  record Verdict(
      double needed,
      Map<Waste, Double> wasted,
      int runs,
      int givenUp,
      int stuck,
      int wronglyDone,
      int overlaps,
      OptionalDouble done) {
    double percent(Waste cause) {
      return 100 * wasted.get(cause) / needed;
    }

    /** All but what no queue could have saved. */
    double percentBeyondFaults() {
      return wasted.keySet().stream()
          .filter(cause -> cause != Waste.FAULT)
          .mapToDouble(this::percent)
          .sum();
    }
  }

  // From the end of a process to the last that is seen of its runs, which give a sign every 0.2 s.
  private final double slack;

  Judge(double slackMinutes) {
    this.slack = slackMinutes;
  }

  Verdict judge(
      Plan plan, List<Run> runs, List<Outage> restarts, Map<Integer, State> states, double end) {
    Map<Waste, Double> wasted = new EnumMap<>(Waste.class);
    for (Waste cause : Waste.values()) {
      wasted.put(cause, 0.0);
    }
    Map<Integer, Run> succeeded = new HashMap<>();
    double lastSuccess = 0;
    for (Run run : runs.stream().sorted(Comparator.comparingDouble(Run::end)).toList()) {
      boolean underWay = run.ending() == Run.Ending.NONE && run.end() > end - slack;
      if (run.ending() == Run.Ending.OK && !succeeded.containsKey(run.issue())) {
        succeeded.put(run.issue(), run);
        lastSuccess = run.end();
      } else if (!underWay) {
        Run success = succeeded.getOrDefault(run.issue(), run);
        wasted.merge(cause(run, success, restarts), run.paid(), Double::sum);
      }
    }
    int open = count(states.values(), State.OPEN);
    long wronglyDone =
        states.entrySet().stream()
            .filter(
                state -> state.getValue() == State.DONE && !succeeded.containsKey(state.getKey()))
            .count();
    return new Verdict(
        plan.needed(),
        wasted,
        runs.size(),
        count(states.values(), State.GIVEN_UP),
        open,
        (int) wronglyDone,
        overlaps(runs),
        open == 0 ? OptionalDouble.of(lastSuccess) : OptionalDouble.empty());
  }

  // A run after a success is due to what kept the queue from hearing of that.
  private Waste cause(Run run, Run success, List<Outage> restarts) {
    return switch (run.ending()) {
      case START -> Waste.IN_VAIN;
      case MIDRUN -> Waste.FAULT;
      case FINAL -> Waste.BROKEN_HOST;
      case OK, NONE ->
          restarts.stream().anyMatch(restart -> met(run, restart) || met(success, restart))
              ? Waste.RESTART
              : Waste.OTHER;
    };
  }

  private boolean met(Run run, Outage restart) {
    return restart.host().equals(run.host())
        && restart.from() < run.end() + slack
        && restart.until() > run.begin();
  }

  private static int count(Collection<State> states, State state) {
    return (int) states.stream().filter(state::equals).count();
  }

  /** How often a run began while another one of its issue lived. */
  private static int overlaps(List<Run> runs) {
    int overlaps = 0;
    for (List<Run> same : runs.stream().collect(Collectors.groupingBy(Run::issue)).values()) {
      double alive = Double.NEGATIVE_INFINITY;
      for (Run run : same.stream().sorted(Comparator.comparingDouble(Run::begin)).toList()) {
        overlaps += run.begin() < alive ? 1 : 0;
        alive = Math.max(alive, run.end());
      }
    }
    return overlaps;
  }
}
