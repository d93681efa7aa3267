package com.cape.bench;

import com.cape.worker.worker.InsideBenchmark;
import java.sql.SQLException;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** What happens inside the JVM, by JMH. */
final class Inside {
  private Inside() {}

  static void measure(Settings settings, Report report) throws RunnerException, SQLException {
    String url = WorkerStore.createDatabase(settings, "inside");
    System.setProperty("jmh.ignoreLock", "true"); // of other benchmarks on this machine
    var options =
        new OptionsBuilder()
            .include(InsideBenchmark.class.getName())
            .forks(settings.times(2, 1))
            .warmupIterations(settings.times(5, 1))
            .measurementIterations(settings.times(5, 2))
            .warmupTime(TimeValue.milliseconds(settings.times(1000, 200)))
            .measurementTime(TimeValue.milliseconds(settings.times(1000, 200)))
            .jvmArgsAppend("-Dbench.url=" + url)
            .verbosity(VerboseMode.SILENT)
            .shouldFailOnError(true)
            .build();
    report.title("Inside the JVM");
    report.line("JMH, average time of one call with its 99.9 % error:");
    report.head("what", "µs", "error");
    for (RunResult result : new Runner(options).run()) {
      Result<?> time = result.getPrimaryResult();
      report.row("`" + time.getLabel() + "`", time.getScore(), time.getScoreError());
    }
  }
}
