package com.cape.worker.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.Repeats;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Everything that a process can do to outlive its run, at once. */
@Timeout(120)
class HostileWorkflowTest {
  private static final int RUNS = Repeats.of(12, 50);
  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final Duration LIMIT = GRACE.plusSeconds(2);
  private static final String SCRIPT =
      """
      sleep 300 &
      (sleep 301 &)
      setsid sleep 302 &
      (setsid sh -c 'sleep 303 & sleep 304' &)
      bash -c 'trap "" TERM; while :; do sleep 0.2; done' &
      setsid bash -c 'trap "" TERM; while :; do sleep 0.2; done' &
      bash -c 'while :; do sleep 305 & sleep 0.05; done' &
      sleep 306 >/dev/null &
      echo ready
      exec sleep 307
      """;

  @TempDir private Path directory;

  @AutoClose
  private final CommandRunner runner = new CommandRunner(Path.of("/usr/bin/perl"), Set.of());

  @Test
  void nothingSurvivesAStopAndNoneTakesLongerThanTheGraceAndTwoSeconds() throws Exception {
    var threads = Executors.newFixedThreadPool(2);
    try {
      List<Callable<Duration>> runs = new ArrayList<>();
      StopReason[] reasons = {
        StopReason.TIMEOUT, StopReason.CANCELLED, StopReason.INTERRUPTED, StopReason.LEASE_LOST
      };
      for (int i = 0; i < RUNS; i++) {
        StopReason reason = reasons[i % reasons.length];
        runs.add(() -> stopped(reason));
      }
      Duration longest = Duration.ZERO;
      for (Future<Duration> took : threads.invokeAll(runs)) {
        longest = took.get().compareTo(longest) > 0 ? took.get() : longest;
      }
      System.out.printf(
          "hostile workflows: %d runs, no survivor, longest end %d ms after the stop, grace %d ms%n",
          RUNS, longest.toMillis(), GRACE.toMillis());
      assertTrue(longest.compareTo(LIMIT) <= 0, longest.toString());
    } finally {
      threads.shutdownNow();
    }
  }

  private Duration stopped(StopReason reason) throws Exception {
    RunSpec spec = new RunFixture(directory).spec(List.of("/bin/bash", "-c", SCRIPT), Map.of());
    CommandRunner.Run run = runner.start(spec, () -> {});
    org.awaitility.Awaitility.await().until(() -> Files.size(RunFixture.output(spec.folder())) > 0);
    long start = System.nanoTime();
    run.stop(reason);
    Ending ending = run.await();
    Duration took = Duration.ofNanos(System.nanoTime() - start);
    assertEquals(List.of(), ending.survivors());
    assertEquals(Set.of(), RunFixture.living(spec.runId()));
    return took;
  }
}
