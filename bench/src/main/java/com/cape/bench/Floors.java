package com.cape.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** What no queue can be faster than: the start of a process alone. */
final class Floors {
  private static final int PAUSE_MILLIS = 100;

  private Floors() {}

  static void measure(Settings settings, Report report) throws IOException, InterruptedException {
    int rounds = settings.times(10, 2);
    int starts = settings.times(20, 5);
    var fromC = new Samples();
    var fromJava = new Samples();
    try (var marks = new Marks(settings.directory().resolve("floors"))) {
      for (int round = 0; round < rounds; round++) {
        if (settings.spawn().isPresent()) {
          fromC(settings, marks, starts, fromC);
        }
        fromJava(settings, marks, starts, fromJava);
      }
    }
    report.title("Floors: the start of a process");
    report.line(
        "From the call to the first line of the program's main, in ms; %d each, a pause of %d ms"
                .formatted(rounds * starts, PAUSE_MILLIS)
            + " before each.");
    report.head("from", "p50", "p99", "most");
    report.row("C, `posix_spawn`", fromC.median(), fromC.percentile(99), fromC.most());
    report.row(
        "Java, `ProcessBuilder`", fromJava.median(), fromJava.percentile(99), fromJava.most());
  }

  private static void fromC(Settings settings, Marks marks, int starts, Samples samples)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                settings.spawn().orElseThrow(),
                "" + starts,
                "" + PAUSE_MILLIS,
                settings.mark(),
                marks.path(),
                "c")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try (var calls =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (int i = 0; i < starts; i++) {
        long began = marks.next().nanos();
        samples.add((began - Long.parseLong(calls.readLine())) / 1e6);
      }
    }
    process.waitFor();
  }

  private static void fromJava(Settings settings, Marks marks, int starts, Samples samples)
      throws IOException, InterruptedException {
    for (int i = 0; i < starts; i++) {
      Thread.sleep(PAUSE_MILLIS);
      long call = Marks.now();
      Process process = Programs.start(settings.mark(), marks.path(), "java");
      samples.add((marks.next().nanos() - call) / 1e6);
      process.waitFor();
    }
  }

  /** Seconds for so many programs from so many threads of a JVM, without a queue. */
  static double seconds(Settings settings, int programs, int threads) throws Exception {
    ExecutorService executor = Executors.newFixedThreadPool(threads);
    try (var marks = new Marks(settings.directory().resolve("bare"))) {
      long start = System.nanoTime();
      List<Future<Integer>> all = new ArrayList<>();
      for (int i = 0; i < programs; i++) {
        String word = "" + i;
        all.add(
            executor.submit(() -> Programs.start(settings.mark(), marks.path(), word).waitFor()));
      }
      for (Future<Integer> program : all) {
        if (program.get() != 0) {
          throw new IllegalStateException("exit " + program.get());
        }
      }
      return (System.nanoTime() - start) / 1e9;
    } finally {
      executor.shutdown();
    }
  }
}
