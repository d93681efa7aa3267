package com.cape.worker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.Repeats;
import com.cape.worker.testing.WorkerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The JAR over many runs, and with runs that are too much. */
@Timeout(300)
class EnduranceIT {
  private static final int RUNS = Repeats.of(200, 1000);
  private static final int STOPS = Repeats.of(6, 50);

  private static final int OTHER = 61_061;

  @TempDir private Path directory;

  private static final String LIMITED =
      "SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'output_limit'";

  @Test
  void manyRunsLeaveNothingBehind() throws Exception {
    var fixture = new JarFixture(directory, "exit 0").migrated();
    try (WorkerProcess worker = fixture.worker("many", "--log-level", "WARNING")) {
      insert(fixture, RUNS / 10);
      fixture.awaitValue("0", "SELECT count(*) FROM cape_issues WHERE status <> 'completed'");
      long threads = count(worker, "task");
      long files = count(worker, "fd");
      insert(fixture, RUNS);
      fixture.awaitValue("0", "SELECT count(*) FROM cape_issues WHERE status <> 'completed'");
      System.out.printf(
          "%d runs of true: threads %d, then %d; open files %d, then %d%n",
          RUNS, threads, count(worker, "task"), files, count(worker, "fd"));
      // The JVM adds and retires compiler threads of its own.
      assertTrue(count(worker, "task") <= threads + 3);
      assertTrue(count(worker, "fd") <= files + 3);
      worker.signal("TERM");
      assertEquals(0, worker.exitCode());
    }
    try (Stream<Path> left = Files.list(directory.resolve("logs/state/many/runs"))) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void workerWithoutThreadsForItsSlotsRunsIssuesOnceThereAreSome() throws Exception {
    var fixture = new JarFixture(directory, "exit 0").migrated();
    Path user = Files.createDirectories(directory.resolve("user"));
    Path jar = Files.copy(WorkerProcess.JAR, user.resolve("cape-worker.jar"));
    Path java = Files.createDirectories(user.resolve("bin")).resolve("java");
    // A user of its own, if that can be had: the limit counts all threads of a user.
    String as =
        user() == 0 ? "setpriv --reuid %1$d --regid %1$d --clear-groups ".formatted(OTHER) : "";
    Files.writeString(
        java,
        """
        #!/bin/bash
        threads=$(%1$s bash -c 'ps -L --no-headers -u "$(id -u)" | wc -l')
        exec %1$s prlimit --nproc=$((threads + 45)): "%2$s" "$@"
        """
            .formatted(as, Path.of(System.getProperty("java.home"), "bin", "java")));
    Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path work = Files.createDirectories(user.resolve("work"));
    Files.copy(directory.resolve("adw"), work.resolve("adw"), StandardCopyOption.COPY_ATTRIBUTES);
    if (user() == 0) {
      Files.setAttribute(work, "unix:uid", OTHER);
    }
    Map<String, String> environment =
        fixture.environment(Map.of("CAPE_WORKER_ID", "narrow", "CAPE_CONCURRENCY", "64"));
    try (WorkerProcess worker =
        WorkerProcess.startOn(user, jar, user.resolve("console"), work, environment)) {
      worker.awaitOutput("no thread for a slot");
      for (ProcessHandle process : worker.tree()) {
        String more = as + "prlimit --nproc=4000: --pid " + process.pid();
        assertEquals(0, new ProcessBuilder(more.split(" ")).inheritIO().start().waitFor());
      }
      insert(fixture, 1);
      fixture.awaitValue("completed 1", "SELECT status || ' ' || attempts FROM cape_issues");
      worker.signal("TERM");
      assertEquals(0, worker.exitCode(), worker.output());
    }
    assertEquals(
        "0",
        fixture.database.value("SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'lost'"));
  }

  private int user() throws IOException {
    return (Integer) Files.getAttribute(directory, "unix:uid");
  }

  @Test
  void twoGibibytesOnOneLineCostTheWorkerNoMemory() throws Exception {
    var fixture = new JarFixture(directory, "echo first; exec head -c 2147483648 /dev/zero");
    fixture.migrated();
    Map<String, String> environment =
        fixture.environment(
            Map.of(
                "CAPE_WORKER_ID",
                "loud",
                "JAVA_TOOL_OPTIONS",
                "-Xmx64m",
                "CAPE_MAX_ATTEMPTS",
                "1"));
    try (WorkerProcess worker = WorkerProcess.start(directory, environment)) {
      worker.awaitOutput("ready");
      // What a first run makes the JVM load is not what is measured.
      fixture.insert("loud");
      fixture.awaitValue("1", LIMITED);
      long before = residentKib(worker);
      fixture.insert("loud again");
      fixture.awaitValue("2", LIMITED);
      long grown = residentKib(worker) - before;
      String took =
          fixture.database.value(
              "SELECT max(round(extract(epoch FROM finished_at - started_at) * 1000))"
                  + " FROM cape_issue_attempts");
      Path log = Path.of(fixture.database.value("SELECT max(log_file) FROM cape_issue_attempts"));
      System.out.printf("2 GiB of output: over after %s ms, worker grew by %d KiB%n", took, grown);
      assertTrue(grown < 20 * 1024, "grew by " + grown + " KiB");
      assertEquals(50L << 20, Files.size(log));
    }
  }

  @Test
  void issueThatKillsItsWorkerRunsAsOftenAsItMayAndFails() throws Exception {
    var fixture =
        new JarFixture(
                directory,
                """
                worker=$PPID
                until grep -qa cape-worker.jar /proc/$worker/cmdline; do
                  read -r _ _ _ worker _ </proc/$worker/stat
                done
                kill -9 $worker
                sleep 300
                """)
            .migrated();
    fixture.insert("a killer");
    for (int start = 1; start <= 4; start++) {
      try (WorkerProcess worker =
          fixture.worker(
              "victim", "--max-attempts", "3", "--retry-delay", "1", "--on-worker-death", "end")) {
        await()
            .atMost(Duration.ofSeconds(60))
            .until(() -> !worker.isAlive() || status(fixture).equals("failed"));
        assertEquals(start == 4, worker.isAlive(), worker.output());
      }
      fixture.database.execute("UPDATE cape_issues SET run_after = now()");
    }
    assertEquals("failed", status(fixture));
    assertEquals(
        "3 lost",
        fixture.database.value("SELECT count(*) || ' ' || min(outcome) FROM cape_issue_attempts"));
    assertTrue(
        fixture.database.value("SELECT last_error FROM cape_issues").startsWith("attempt 3 lost"));
  }

  @Test
  void stopAtAnyMomentLosesNothing() throws Exception {
    var fixture = new JarFixture(directory, "sleep 0.2").migrated();
    insert(fixture, STOPS * 4);
    var random = new Random(7);
    long longest = 0;
    for (int i = 0; i < STOPS; i++) {
      try (WorkerProcess worker = fixture.worker("stopped")) {
        worker.awaitOutput("starting");
        // Any moment will do: nothing is waited for.
        assertFalse(worker.ended(Duration.ofMillis(random.nextInt(1500))), worker.output());
        long start = System.nanoTime();
        worker.signal("TERM");
        boolean twice = i % 4 == 3;
        if (twice) {
          worker.signal("TERM");
        }
        assertEquals(0, worker.exitCode(), worker.output());
        longest = Math.max(longest, System.nanoTime() - start);
      }
      assertEquals(
          "0", fixture.database.value("SELECT count(*) FROM cape_issues WHERE status = 'started'"));
    }
    assertEquals(
        "0",
        fixture.database.value(
            "SELECT count(*) FROM (SELECT issue_id FROM cape_issue_attempts WHERE outcome = 'completed'"
                + " GROUP BY 1 HAVING count(*) > 1) AS doubled"));
    System.out.printf(
        "%d stops: longest %d ms from the first signal to the exit%n", STOPS, longest / 1_000_000);
    // The workflow takes 0.2 s, the drain timeout is 300 s.
    assertTrue(longest < Duration.ofSeconds(20).toNanos());
  }

  private static String status(JarFixture fixture) {
    return fixture.database.value("SELECT status FROM cape_issues");
  }

  private static void insert(JarFixture fixture, int issues) {
    fixture.database.execute(
        "INSERT INTO cape_issues (description) SELECT 'one of many' FROM generate_series(1, %d)"
            .formatted(issues));
  }

  private static long count(WorkerProcess worker, String what) throws Exception {
    try (Stream<Path> entries = Files.list(proc(worker).resolve(what))) {
      return entries.count();
    }
  }

  private static long residentKib(WorkerProcess worker) throws Exception {
    return Files.readAllLines(proc(worker).resolve("status"), UTF_8).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }

  private static Path proc(WorkerProcess worker) {
    return Path.of("/proc", Long.toString(worker.pid()));
  }
}
