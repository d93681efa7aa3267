package com.cape.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;

/** Claim and settle without a process between, beside an earlier JAR. */
final class Cycles {
  private static final int MOST_A_SECOND = 5000;
  private static final int[] CLIENTS = {1, 8, 32};

  private Cycles() {}

  static void measure(Settings settings, Report report) throws Exception {
    int repeats = settings.times(5, 1);
    int seconds = settings.times(5, 1);
    report.title("Claim and settle cycles");
    report.line(
        "A second, by the store classes of the JARs, without a process; a connection for each client."
            + " %d s each after %d s to warm up, median (least-most) of %d repeats in turn;"
                .formatted(seconds, seconds, repeats)
            + " ratios to the JAR of %s, before one statement claimed an issue."
                .formatted(Baseline.COMMIT));
    report.head(
        "clients",
        "Cape Worker",
        "behind a pooler in transaction mode",
        Baseline.COMMIT,
        "ratio",
        "behind the pooler");
    String url = WorkerStore.createDatabase(settings, "cycles");
    String oldUrl = settings.url("cycles_old");
    if (settings.baseline().isPresent()) {
      Sql.createDatabase(settings, "cycles_old");
      Baseline.migrate(settings.baseline().get(), oldUrl);
    }
    for (int clients : CLIENTS) {
      int issues = seconds * MOST_A_SECOND;
      var own = new Samples();
      var replanned = new Samples();
      var old = new Samples();
      try (var store = new WorkerStore(url, clients);
          var replanning = WorkerStore.replanning(url, clients);
          var baseline = baseline(settings.baseline(), oldUrl, clients)) {
        for (int repeat = -1; repeat < repeats; repeat++) { // the first one warms up
          WorkerStore.fill(url, issues);
          double ownRate = rate(store, clients, seconds);
          WorkerStore.fill(url, issues);
          double replannedRate = rate(replanning, clients, seconds);
          if (baseline != null) {
            WorkerStore.fill(oldUrl, issues);
            double oldRate = baseline.rate(seconds);
            if (repeat >= 0) {
              old.add(oldRate);
            }
          }
          if (repeat >= 0) {
            own.add(ownRate);
            replanned.add(replannedRate);
          }
        }
      }
      report.row(
          clients,
          own.spread(),
          replanned.spread(),
          old.spread(),
          own.median() / old.median(),
          replanned.median() / old.median());
    }
    report.line("");
    report.line(
        "The server keeps the plans of the worker's statements where notifications arrive on its database"
            + " URL, so not behind a pooler in transaction mode. The floors: 0.85, 1.30 and 2.00.");
  }

  private static Baseline baseline(Optional<Path> jar, String url, int clients) throws Exception {
    return jar.isPresent() ? new Baseline(jar.get(), url, clients) : null;
  }

  private static double rate(WorkerStore store, int clients, int seconds)
      throws InterruptedException, ExecutionException {
    long start = System.nanoTime();
    long end = start + seconds * 1_000_000_000L;
    long cycles = run(store, clients, () -> System.nanoTime() < end);
    return cycles * 1e9 / (System.nanoTime() - start);
  }

  /** Cycles in so many threads, as long as that holds; answers how many. */
  static long run(WorkerStore store, int clients, BooleanSupplier more)
      throws InterruptedException, ExecutionException {
    ExecutorService executor = Executors.newFixedThreadPool(clients);
    List<Future<Long>> counts = new ArrayList<>();
    for (int i = 0; i < clients; i++) {
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
