package com.cape.bench;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/** From the commit of a job to the first line of its program, on idle workers. */
final class Pickup {
  private static final int LEAST_PAUSE_MILLIS = 50;
  private static final int MOST_PAUSE_MILLIS = 150;

  private Pickup() {}

  static void measure(Settings settings, Report report) throws Exception {
    int warmUp = settings.times(50, 1);
    int rounds = settings.times(300, 3);
    Map<String, Samples> millis = new LinkedHashMap<>();
    List<RunningWorker> workers = new ArrayList<>();
    try {
      for (Contender contender : Contender.all(settings)) {
        millis.put(contender.name(), new Samples());
        workers.add(new RunningWorker(contender, settings, 1));
      }
      var random = new Random();
      for (int round = -warmUp; round < rounds; round++) {
        Collections.shuffle(workers, random);
        for (RunningWorker worker : workers) {
          Thread.sleep(random.nextInt(LEAST_PAUSE_MILLIS, MOST_PAUSE_MILLIS));
          long committed = worker.submit(1);
          long began = worker.began();
          if (round >= 0) {
            millis.get(worker.contender.name()).add((began - committed) / 1e6);
          }
        }
      }
    } finally {
      for (RunningWorker worker : workers) {
        worker.close();
      }
    }
    report.title("Pick-up");
    report.line(
        "From the return of the insert's COMMIT to the first line of the program's main, in ms."
            + " All workers idle at concurrency 1; %d rounds after %d to warm up, in each round one"
                .formatted(rounds, warmUp)
            + " job for each in random order, a pause of 50 to 150 ms before each.");
    report.head("queue", "p50", "p99", "most", "p50 ratio", "p99 ratio");
    Optional<Samples> reference = Optional.ofNullable(millis.get(Contender.REFERENCE));
    millis.forEach(
        (name, samples) ->
            report.row(
                name,
                samples.median(),
                samples.percentile(99),
                samples.most(),
                Contender.ratio(samples.median(), reference.map(Samples::median)),
                Contender.ratio(samples.percentile(99), reference.map(all -> all.percentile(99)))));
    report.line("");
    report.line(
        "Ratios: to graphile-worker, smaller is better; the floor for Cape Worker is 1.10." + "");
  }
}
