package com.cape.bench;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;

/** Claim and settle without a process between, against pgbench on the same statements. */
final class Cycles {
  private static final int MOST_A_SECOND = 8000;
  private static final int[] SLOTS = {1, 4, 8};
  private static final String STORE = "store classes of the JAR";

  private Cycles() {}

  static void measure(Settings settings, Report report) throws Exception {
    int repeats = settings.times(3, 1);
    int seconds = settings.times(10, 1);
    String database = "cycles";
    String url = WorkerStore.createDatabase(settings, database);
    var pgbench = new Pgbench(url);
    report.title("Claim and settle cycles");
    report.line(
        "A second, without a process; %d s each after %d s to warm up the JVM, median (least-most)"
                .formatted(seconds, seconds)
            + " of %d repeats in turn. pgbench runs the statements that the store sends, recorded"
                .formatted(repeats)
            + " from it, with as many clients.");
    report.head(
        "slots",
        STORE,
        "`pgbench -M extended`",
        "`pgbench -M prepared`",
        "to extended",
        "to prepared");
    for (int slots : SLOTS) {
      Map<String, Samples> rates = new LinkedHashMap<>();
      for (String way : List.of(STORE, "extended", "prepared")) {
        rates.put(way, new Samples());
      }
      try (var store = new WorkerStore(url, slots)) {
        WorkerStore.fill(url, seconds * MOST_A_SECOND);
        rate(store, slots, seconds);
        for (int repeat = 0; repeat < repeats; repeat++) {
          WorkerStore.fill(url, seconds * MOST_A_SECOND);
          rates.get(STORE).add(rate(store, slots, seconds));
          for (String mode : List.of("extended", "prepared")) {
            if (settings.pgbench().isPresent()) {
              WorkerStore.fill(url, seconds * MOST_A_SECOND);
              rates
                  .get(mode)
                  .add(
                      pgbench.run(
                          settings.pgbench().get(), settings, database, mode, slots, seconds));
            }
          }
        }
      }
      double own = rates.get(STORE).median();
      report.row(
          slots,
          rates.get(STORE).spread(),
          rates.get("extended").spread(),
          rates.get("prepared").spread(),
          own / rates.get("extended").median(),
          own / rates.get("prepared").median());
    }
    report.line("");
    report.line(
        "The worker keeps no prepared statements, which a pooler in transaction mode would forbid;"
            + " extended mode does the same. The aim is at least 0.85 of it.");
  }

  private static double rate(WorkerStore store, int slots, int seconds)
      throws InterruptedException, ExecutionException {
    long start = System.nanoTime();
    long end = start + seconds * 1_000_000_000L;
    long cycles = run(store, slots, () -> System.nanoTime() < end);
    return cycles * 1e9 / (System.nanoTime() - start);
  }

  /** Cycles in so many threads, as long as that holds; answers how many. */
  static long run(WorkerStore store, int slots, BooleanSupplier more)
      throws InterruptedException, ExecutionException {
    ExecutorService executor = Executors.newFixedThreadPool(slots);
    List<Future<Long>> counts = new ArrayList<>();
    for (int i = 0; i < slots; i++) {
      counts.add(
          executor.submit(
              () -> {
                long count = 0;
                while (more.getAsBoolean()) {
                  store.settle(store.claim());
                  count++;
                }
                return count;
              }));
    }
    executor.shutdown();
    long sum = 0;
    for (Future<Long> count : counts) {
      sum += count.get();
    }
    return sum;
  }
}
