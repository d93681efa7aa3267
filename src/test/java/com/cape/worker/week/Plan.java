package com.cape.worker.week;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;

/** What happens in a simulated week, in simulated minutes; the same for the same seed. */
record Plan(List<Issue> issues, List<Fault> faults, List<Restart> restarts, double horizon) {
  static final List<String> HOSTS = List.of("alleycat-1", "alleycat-2", "alleycat-3");
  private static final double HOUR = 60;
  private static final List<String> TOOLS = List.of("claude-stream", "claude-text", "codex");

  enum FaultKind {
    LIMIT,
    OVERLOAD,
    OUTAGE,
    /** The host has lost its git credentials. */
    GIT
  }

  enum RestartKind {
    DEPLOY,
    CRASH
  }

  record Issue(int id, double minutes, String tool) {}

  /** The host is empty where the fault is the account's or the provider's. */
  record Fault(FaultKind kind, double from, double until, boolean resetKnown, String host) {}

  record Restart(RestartKind kind, double at, String host) {}

  static Plan of(long seed, int issueCount) {
    var random = new Random(seed);
    List<Issue> issues = new ArrayList<>();
    for (int id = 1; id <= issueCount; id++) {
      issues.add(new Issue(id, between(random, 20, 50), TOOLS.get(random.nextInt(TOOLS.size()))));
    }
    double span = issues.stream().mapToDouble(Issue::minutes).sum() / HOSTS.size();
    List<Fault> faults = faults(random, span);
    double horizon = 2 * span + 14 * HOUR;
    return new Plan(issues, faults, restarts(random, horizon), horizon);
  }

  double needed() {
    return issues.stream().mapToDouble(Issue::minutes).sum();
  }

  // One after the other in a random order, so that each meets work under way.
  private static List<Fault> faults(Random random, double span) {
    List<Fault> lengths = new ArrayList<>();
    lengths.add(limit(between(random, 60, 150), true));
    if (random.nextBoolean()) {
      lengths.add(limit(between(random, 60, 150), true));
    }
    lengths.add(limit(between(random, 60, 120), false));
    lengths.add(new Fault(FaultKind.OVERLOAD, 0, 20, false, ""));
    lengths.add(new Fault(FaultKind.OUTAGE, 0, between(random, 30, 60), false, ""));
    String host = HOSTS.get(random.nextInt(HOSTS.size()));
    lengths.add(new Fault(FaultKind.GIT, 0, between(random, 3 * HOUR, 4 * HOUR), false, host));
    Collections.shuffle(lengths, random);

    double slot = 0.9 * span / lengths.size();
    double stopped = 0; // the time in which nobody could work
    List<Fault> faults = new ArrayList<>();
    for (int i = 0; i < lengths.size(); i++) {
      Fault fault = lengths.get(i);
      double from = stopped + slot * (i + between(random, 0.1, 0.7));
      faults.add(
          new Fault(fault.kind(), from, from + fault.until(), fault.resetKnown(), fault.host()));
      if (fault.kind() != FaultKind.GIT) {
        stopped += fault.until();
      }
    }
    return List.copyOf(faults);
  }

  private static Fault limit(double minutes, boolean resetKnown) {
    return new Fault(FaultKind.LIMIT, 0, minutes, resetKnown, "");
  }

  private static List<Restart> restarts(Random random, double horizon) {
    List<Restart> restarts = new ArrayList<>();
    for (String host : HOSTS) {
      for (double at = between(random, 10, 45); at < horizon; at += between(random, 30, 60)) {
        RestartKind kind = random.nextBoolean() ? RestartKind.DEPLOY : RestartKind.CRASH;
        restarts.add(new Restart(kind, at, host));
      }
    }
    restarts.sort(Comparator.comparingDouble(Restart::at));
    return List.copyOf(restarts);
  }

  private static double between(Random random, double least, double most) {
    return least + random.nextDouble() * (most - least);
  }
}
