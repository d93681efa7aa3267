package com.cape.worker.worker;

import com.cape.bench.WorkerStore;
import com.cape.worker.issue.Claim;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.run.Ending;
import com.cape.worker.run.OutputTail;
import com.cape.worker.store.queue.Settlement;
import com.cape.worker.worker.state.OutcomeRules;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** What JMH measures. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
public class InsideBenchmark {

  /** A connection that is warm, and issues to claim. */
  @State(Scope.Benchmark)
  public static class Queue {
    private static final int MOST_AN_ITERATION = 10_000;
    private final String url = System.getProperty("bench.url");
    private final WorkerStore store = new WorkerStore(url, 1);

    @Setup(Level.Iteration)
    public void fill() throws SQLException {
      WorkerStore.fill(url, MOST_AN_ITERATION);
    }

    @TearDown
    public void close() {
      store.close();
    }
  }

  /** A run that has failed, with 100 KB of output in colours. */
  @State(Scope.Benchmark)
  public static class Run {
    private final OutcomeRules rules =
        new OutcomeRules(
            new RetryPolicy(5, Duration.ofSeconds(15), Duration.ofHours(1)),
            RandomGenerator.getDefault());
    private final Claim claim = new Claim(1, 1, 1, UUID.randomUUID(), "bench", Optional.empty());
    private final Ending failed =
        new Ending(OptionalInt.of(1), Optional.empty(), Duration.ofSeconds(60), 0, List.of());
    private final String tail = "x".repeat(OutputTail.LIMIT_BYTES);
    private Path output;

    @Setup
    public void write() throws IOException {
      output = Files.createTempFile("bench", ".log");
      Files.writeString(output, "\u001b[32mdone\u001b[0m with step 42\n".repeat(4000));
    }

    @TearDown
    public void delete() throws IOException {
      Files.delete(output);
    }
  }

  @Benchmark
  public void claimAndSettle(Queue queue) {
    queue.store.settle(queue.store.claim());
  }

  @Benchmark
  public Settlement endingRules(Run run) {
    return run.rules.settle(run.claim, run.failed, () -> 0, run.tail);
  }

  @Benchmark
  public String outputTail(Run run) throws IOException {
    return OutputTail.of(run.output);
  }
}
