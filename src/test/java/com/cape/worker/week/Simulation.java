package com.cape.worker.week;

import com.cape.worker.week.Plan.Fault;
import com.cape.worker.week.Plan.FaultKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;

/** One week of one peer. */
final class Simulation {
  private static final double LOOK = 3; // simulated minutes
  private static final double SLACK_MILLIS = 700;

  private final Plan plan;
  private final Peer peer;
  private final Path folder;
  private final double scale;
  private final String wordings;

  Simulation(Plan plan, Peer peer, Path folder, double scale, String wordings) {
    this.plan = plan;
    this.peer = peer;
    this.folder = folder;
    this.scale = scale;
    this.wordings = wordings;
  }

  Judge.Verdict run() throws IOException, InterruptedException, SQLException {
    peer.prepare(plan);
    var ledger = new Ledger(folder.resolve("runs"));
    SimulatedTime time = SimulatedTime.startingNow(scale);
    Files.write(folder.resolve("plan"), planLines(time));

    var over = new CountDownLatch(1);
    List<Host> hosts =
        Plan.HOSTS.stream().map(name -> new Host(name, peer, time, folder, plan, over)).toList();
    List<Thread> threads = new ArrayList<>();
    for (Host host : hosts) {
      var thread = new Thread(host, "week-host-" + threads.size());
      thread.start();
      threads.add(thread);
    }
    var interrupted = new Thread(() -> end(over, threads), "week-interrupted");
    Runtime.getRuntime().addShutdownHook(interrupted);
    Map<Integer, Judge.State> states;
    double end;
    try {
      states = awaitEnd(time);
      end = time.now();
    } finally {
      end(over, threads);
    }
    Runtime.getRuntime().removeShutdownHook(interrupted);
    List<Judge.Outage> restarts = hosts.stream().flatMap(host -> host.restarts().stream()).toList();
    return new Judge(time.minutes(SLACK_MILLIS))
        .judge(plan, ledger.runs(time), restarts, states, end);
  }

  /** Lets each host end what it started. */
  private static void end(CountDownLatch over, List<Thread> hosts) {
    over.countDown();
    for (Thread host : hosts) {
      try {
        host.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** Waits until the queue has nothing left to do, or for the plan's horizon. */
  private Map<Integer, Judge.State> awaitEnd(SimulatedTime time)
      throws IOException, InterruptedException, SQLException {
    List<Fault> repairs =
        new ArrayList<>(plan.faults().stream().filter(f -> f.kind() == FaultKind.GIT).toList());
    while (true) {
      for (Fault fault : List.copyOf(repairs)) {
        if (fault.until() <= time.now()) {
          repairs.remove(fault);
          peer.repaired(fault.host());
        }
      }
      Map<Integer, Judge.State> states = peer.states();
      if (!states.containsValue(Judge.State.OPEN) || time.now() > plan.horizon()) {
        return states;
      }
      Thread.sleep(time.lasting(LOOK).toMillis());
    }
  }

  private List<String> planLines(SimulatedTime time) {
    Stream<String> head =
        Stream.of(
            String.format(Locale.ROOT, "minute %.6f", time.lasting(1000).toMillis() / 1e6),
            "wordings " + wordings);
    Stream<String> issues =
        plan.issues().stream()
            .map(
                i -> String.format(Locale.ROOT, "issue %d %.3f %s", i.id(), i.minutes(), i.tool()));
    Stream<String> faults =
        plan.faults().stream()
            .map(
                fault ->
                    String.format(
                        Locale.ROOT,
                        "fault %s %.3f %.3f %s %s",
                        fault.kind().name().toLowerCase(Locale.ROOT),
                        time.epochSeconds(fault.from()),
                        time.epochSeconds(fault.until()),
                        fault.resetKnown() ? "known" : "unknown",
                        fault.host().isEmpty() ? "-" : fault.host()));
    return Stream.of(head, issues, faults).flatMap(lines -> lines).toList();
  }
}
