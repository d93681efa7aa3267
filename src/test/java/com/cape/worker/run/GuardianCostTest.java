package com.cape.worker.run;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a guardian costs: time added to a run, and memory. */
@Timeout(60)
class GuardianCostTest {
  private static final int RUNS = 200;
  private static final double MOST_TIMES_A_BARE_RUN = 5;
  private static final long MOST_KIB = 4 * 1024;

  @TempDir private Path directory;
  private Path output;

  @AutoClose
  private final CommandRunner runner = new CommandRunner(Path.of("/usr/bin/perl"), Set.of());

  @Test
  void guardedRunTakesLessThanFiveTimesABareOne() throws Exception {
    double[] bare = new double[RUNS];
    double[] guarded = new double[RUNS];
    for (int i = 0; i < RUNS; i++) {
      long start = System.nanoTime();
      new ProcessBuilder("/bin/true").start().waitFor();
      long between = System.nanoTime();
      start("true").await();
      bare[i] = (between - start) / 1e6;
      guarded[i] = (System.nanoTime() - between) / 1e6;
    }
    System.out.printf(
        "a guarded run of true: %.1f ms at the median, unguarded %.1f ms%n",
        median(guarded), median(bare));
    assertTrue(median(guarded) < MOST_TIMES_A_BARE_RUN * median(bare));
  }

  @Test
  void guardianIsTwoProcessesOfLessThan4MebibytesTogether() throws Exception {
    CommandRunner.Run run = start("echo $PPID; exec sleep 300");
    await().until(() -> Files.size(output) > 0);
    long starter = Long.parseLong(Files.readString(output).strip());
    long watcher = ProcessHandle.of(starter).flatMap(ProcessHandle::parent).orElseThrow().pid();
    // The starter and the command.
    assertEquals(2, ProcessHandle.of(watcher).orElseThrow().descendants().count());
    long sum = proportionalKib(starter) + proportionalKib(watcher);
    run.stop(StopReason.INTERRUPTED);
    run.await();
    System.out.printf("a guardian's processes: %d KiB of proportional memory%n", sum);
    assertTrue(sum < MOST_KIB, () -> sum + " KiB");
  }

  @Test
  void twoSlotsKeepTwoGuardians() throws Exception {
    Set<Long> starters = new HashSet<>();
    for (int i = 0; i < 5; i++) {
      List<CommandRunner.Run> runs = List.of(start("echo $PPID"), start("echo $PPID"));
      for (CommandRunner.Run run : runs) {
        run.await();
      }
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.filter(one -> one.endsWith("output")).toList()) {
        starters.add(Long.parseLong(Files.readString(file).strip()));
      }
    }
    assertEquals(2, starters.size());
  }

  private CommandRunner.Run start(String script) throws Exception {
    RunSpec spec = new RunFixture(directory).spec(List.of("/bin/sh", "-c", script), Map.of());
    output = RunFixture.output(spec.folder());
    return runner.start(spec, () -> {});
  }

  private static double median(double[] values) {
    return Arrays.stream(values).sorted().skip(values.length / 2).findFirst().orElseThrow();
  }

  /** Memory that is shared counts in parts (proc(5): smaps_rollup). */
  private static long proportionalKib(long pid) throws Exception {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + pid + "/smaps_rollup"))) {
      return lines
          .filter(line -> line.startsWith("Pss:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .sum();
    }
  }
}
