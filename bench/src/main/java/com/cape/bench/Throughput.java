package com.cape.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Trivial programs a second. */
final class Throughput {
  private static final String BARE = "none: `ProcessBuilder` alone";

  private Throughput() {}

  static void measure(Settings settings, Report report) throws Exception {
    int repeats = settings.times(3, 1);
    int warmUp = settings.times(300, 10);
    int jobs = settings.times(1000, 50);
    report.title("Throughput");
    report.line(
        "Programs a second that do nothing but say that they began: %d jobs committed at once, from the"
                .formatted(jobs)
            + " first program's start until the last end is written down; %d jobs before to warm up;"
                .formatted(warmUp)
            + " median (least-most) of %d repeats in random order, each worker alone."
                .formatted(repeats));
    report.head("concurrency", "queue", "a second", "to graphile-worker", "to db-scheduler");
    for (int concurrency : settings.quick() ? new int[] {1, 4} : new int[] {1, 2, 4}) {
      Map<String, Samples> rates = new LinkedHashMap<>();
      List<Contender> contenders = new ArrayList<>(Contender.all(settings));
      contenders.forEach(contender -> rates.put(contender.name(), new Samples()));
      rates.put(BARE, new Samples());
      for (int repeat = 0; repeat < repeats; repeat++) {
        Collections.shuffle(contenders);
        for (Contender contender : contenders) {
          try (var worker = new RunningWorker(contender, settings, concurrency)) {
            worker.seconds(warmUp);
            rates.get(contender.name()).add(jobs / worker.seconds(jobs));
          }
        }
        rates.get(BARE).add(jobs / Floors.seconds(settings, jobs, concurrency));
      }
      Optional<Double> graphile =
          Optional.ofNullable(rates.get(Contender.REFERENCE)).map(Samples::median);
      double dbScheduler = rates.get(Contender.DB_SCHEDULER).median();
      rates.forEach(
          (name, samples) ->
              report.row(
                  concurrency,
                  name,
                  samples.spread(),
                  Contender.ratio(samples.median(), graphile),
                  Contender.ratio(samples.median(), Optional.of(dbScheduler))));
    }
    report.line("");
    report.line(
        "Ratios: greater is better; the floors for Cape Worker to graphile-worker: 0.90, 0.95 and 0.95.");
  }
}
