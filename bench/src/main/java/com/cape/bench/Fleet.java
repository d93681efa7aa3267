package com.cape.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Many idle workers and one job at a time: how soon it is begun, and what that costs. */
final class Fleet {
  private static final int STATISTICS_SECONDS = 12;
  private static final int LEAST_PAUSE_MILLIS = 50;
  private static final int MOST_PAUSE_MILLIS = 150;

  private Fleet() {}

  static void measure(Settings settings, Report report) throws Exception {
    int workers = settings.times(20, 2);
    int warmUp = settings.times(5 * workers, 1);
    int rounds = settings.times(300, 3);
    Map<RunningWorker, Samples> millis = new LinkedHashMap<>();
    Map<RunningWorker, Double> transactions = new LinkedHashMap<>();
    List<Contender> contenders = new ArrayList<>(List.of(Contender.capeWorker(settings)));
    settings.node().ifPresent(node -> contenders.add(Contender.graphileWorker(node.toString())));
    try {
      for (Contender contender : contenders) {
        millis.put(new RunningWorker(contender, settings, 1, workers), new Samples());
      }
      rounds(millis, warmUp);
      millis.values().forEach(Samples::clear);
      Thread.sleep(STATISTICS_SECONDS * 1000L);
      Map<RunningWorker, Long> before = counted(millis.keySet());
      long start = System.nanoTime();
      rounds(millis, rounds);
      double seconds = (System.nanoTime() - start) / 1e9;
      Thread.sleep(STATISTICS_SECONDS * 1000L);
      Map<RunningWorker, Long> after = counted(millis.keySet());
      // What the workers do without a job, for as long.
      Thread.sleep((long) ((seconds + STATISTICS_SECONDS) * 1000));
      Map<RunningWorker, Long> idle = counted(millis.keySet());
      for (RunningWorker worker : millis.keySet()) {
        long own = after.get(worker) - before.get(worker);
        long without = idle.get(worker) - after.get(worker);
        transactions.put(worker, (own - without) / (double) rounds);
      }
    } finally {
      for (RunningWorker worker : millis.keySet()) {
        worker.close();
      }
    }
    report.title("Pick-up by one of many idle workers");
    report.line(
        "As above, with %d idle workers of each queue on a database; %d rounds after %d."
                .formatted(workers, rounds, warmUp)
            + " Transactions a job: all that the database counted, the insert's included, less what the"
            + " workers make in the same time without jobs.");
    report.head("queue", "p50", "p99", "most", "transactions a job");
    millis.forEach(
        (worker, samples) ->
            report.row(
                worker.contender.name(),
                samples.median(),
                samples.percentile(99),
                samples.most(),
                transactions.get(worker)));
    report.line("");
    report.line("The floors: 6 transactions a job, and p99 at most 0.80 of graphile-worker's.");
  }

  private static void rounds(Map<RunningWorker, Samples> millis, int rounds) throws Exception {
    var random = new Random();
    List<RunningWorker> order = new ArrayList<>(millis.keySet());
    for (int round = 0; round < rounds; round++) {
      Collections.shuffle(order, random);
      for (RunningWorker worker : order) {
        Thread.sleep(random.nextInt(LEAST_PAUSE_MILLIS, MOST_PAUSE_MILLIS));
        long committed = worker.submit(1);
        millis.get(worker).add((worker.began() - committed) / 1e6);
      }
    }
  }

  private static Map<RunningWorker, Long> counted(Iterable<RunningWorker> workers)
      throws Exception {
    Map<RunningWorker, Long> counted = new LinkedHashMap<>();
    for (RunningWorker worker : workers) {
      counted.put(worker, worker.transactions());
    }
    return counted;
  }
}
