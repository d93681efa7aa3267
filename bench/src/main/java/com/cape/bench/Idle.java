package com.cape.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a worker costs that has nothing to do. */
final class Idle {
  private static final long HERTZ = 100; // of /proc: USER_HZ is the same on all Linux
  private static final int SETTLE_SECONDS = 15;

  private Idle() {}

  private record Cost(double cpuSeconds, long transactions) {}

  static void measure(Settings settings, Report report) throws Exception {
    int starts = settings.times(5, 1);
    int jobs = settings.times(100, 5);
    int seconds = settings.times(180, 3);
    List<Contender> contenders = Contender.all(settings);
    Map<Contender, Samples> startUp = new LinkedHashMap<>();
    for (int i = 0; i < starts; i++) {
      for (Contender contender : contenders) {
        try (var worker = new RunningWorker(contender, settings, 1)) {
          startUp.computeIfAbsent(contender, any -> new Samples()).add(worker.startSeconds());
        }
      }
    }
    report.title("An idle worker");
    report.line(
        "Concurrency 1; from the start of the process until it says that it is ready, median of %d;"
                .formatted(starts)
            + " then, after %d jobs, over %d s at the same time for all. Memory: proportional set size."
                .formatted(jobs, seconds));
    report.head(
        "queue",
        "start, s",
        "transactions a minute",
        "CPU, ms a second",
        "memory, MiB",
        "processes of the guardian",
        "their memory, MB");
    List<RunningWorker> workers = new ArrayList<>();
    try {
      for (Contender contender : contenders) {
        var worker = new RunningWorker(contender, settings, 1);
        workers.add(worker);
        worker.seconds(jobs);
      }
      Thread.sleep(SETTLE_SECONDS * 1000L);
      Map<RunningWorker, Cost> before = costs(workers);
      Thread.sleep(seconds * 1000L);
      Map<RunningWorker, Cost> after = costs(workers);
      for (RunningWorker worker : workers) {
        List<ProcessHandle> processes = worker.processes();
        List<ProcessHandle> others = processes.subList(1, processes.size());
        Cost from = before.get(worker);
        Cost to = after.get(worker);
        report.row(
            worker.contender.name(),
            startUp.get(worker.contender).median(),
            60.0 * (to.transactions() - from.transactions()) / seconds,
            1000 * (to.cpuSeconds() - from.cpuSeconds()) / seconds,
            pssKib(processes.subList(0, 1)) / 1024,
            others.size(),
            others.isEmpty() ? "-" : "%.1f".formatted(pssKib(others) * 1024 / 1e6));
      }
    } finally {
      for (RunningWorker worker : workers) {
        worker.close();
      }
    }
    report.line("");
    report.line(
        "The floors: less than 2 ms of CPU a second, at most 3 processes and 4 MB for a guardian; the rest no"
            + " worse than at %s.".formatted(Baseline.COMMIT));
  }

  private static Map<RunningWorker, Cost> costs(List<RunningWorker> workers) throws Exception {
    Map<RunningWorker, Cost> costs = new LinkedHashMap<>();
    for (RunningWorker worker : workers) {
      double cpu = 0;
      for (ProcessHandle process : worker.processes()) {
        cpu += cpuSeconds(process.pid());
      }
      costs.put(worker, new Cost(cpu, worker.transactions()));
    }
    return costs;
  }

  static double cpuSeconds(long pid) throws IOException {
    String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
    return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / (double) HERTZ;
  }

  private static double pssKib(List<ProcessHandle> processes) throws IOException {
    double sum = 0;
    for (ProcessHandle process : processes) {
      Path file = Path.of("/proc", Long.toString(process.pid()), "smaps_rollup");
      for (String line : Files.readAllLines(file)) {
        if (line.startsWith("Pss:")) {
          sum += Long.parseLong(line.replaceAll("\\D", ""));
        }
      }
    }
    return sum;
  }
}
