package com.cape.worker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.Processes;
import com.cape.worker.testing.WorkerProcess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The commands through the JAR, beside workers. */
@Tag("database")
@Timeout(120)
class OperatorIT {
  private static final Duration GRACE = Duration.ofSeconds(1);
  // Far less than a heartbeat and a poll are apart, and enough on a busy machine.
  private static final Duration AT_ONCE = Duration.ofSeconds(5);

  @TempDir private Path directory;
  private JarFixture fixture;

  @BeforeEach
  void start() throws Exception {
    // A tree of which one ignores TERM and another has left the group.
    fixture =
        new JarFixture(
            directory,
            """
                trap '' TERM
                case $2 in
                  quick) echo done; exit 0 ;;
                  bad) echo broken; exit 65 ;;
                esac
                sleep 601 & echo $! >pids
                setsid sleep 602 & echo $! >>pids
                echo $$ >>pids
                echo ready >started-$1
                wait
                sleep 603
                """);
    fixture.migrated();
  }

  @Test
  @Tag("notifications")
  void cancelStopsARunOnAnotherWorkerAtOnce() throws Exception {
    try (WorkerProcess other = fixture.worker("other", "--poll-interval", "600")) {
      fixture.awaitValue("t", "SELECT coalesce(bool_or(listener_up), false) FROM cape_workers");
      List<Long> tree = runningTree();
      assertEquals("issue 1 is running and will be stopped", said("cancel", "1"));
      assertGoneWithin(AT_ONCE.plus(GRACE), tree);
      stop(other);
    }
  }

  @Test
  void withoutNotificationsCancelTakesAHeartbeatMore() throws Exception {
    try (WorkerProcess other =
        fixture.worker("other", "--no-listen", "--lease", "20", "--grace", "1")) {
      List<Long> tree = runningTree();
      assertEquals("issue 1 is cancelled", said("cancel", "1", "--wait"));
      Duration heartbeat = Duration.ofSeconds(2);
      assertGoneWithin(heartbeat.plus(GRACE).plus(AT_ONCE), tree);
      stop(other);
    }
  }

  @Test
  @Tag("notifications")
  void pauseHoldsTheFleetWhileWhatRunsGoesOn() throws Exception {
    try (WorkerProcess worker =
        fixture.worker("w", "--poll-interval", "600", "--concurrency", "2")) {
      fixture.awaitValue("t", "SELECT coalesce(bool_or(listener_up), false) FROM cape_workers");
      List<Long> tree = runningTree();
      assertTrue(said("pause", "--reason", "deploy").startsWith("paused: the fleet until"));
      await().atMost(AT_ONCE).until(() -> worker.output().contains("paused: no claims"));
      assertEquals("2", said("submit", "quick"));
      assertTrue(said("status").contains("paused     the fleet until it is resumed: deploy"));
      assertEquals(
          "pending", fixture.database.value("SELECT status FROM cape_issues WHERE id = 2"));
      assertTrue(tree.stream().allMatch(Processes::isAlive));
      assertEquals("the fleet is resumed", said("resume"));
      await()
          .atMost(AT_ONCE)
          .until(
              () -> fixture.database.value("SELECT status FROM cape_issues WHERE id = 2"),
              "completed"::equals);
      assertEquals("done", said("logs", "2"));
      assertEquals("issue 1 is cancelled", said("cancel", "1", "--wait"));
      stop(worker);
    }
  }

  @Test
  void waitEndsWithTheOutcomeOrTheTimeout() throws Exception {
    try (WorkerProcess worker = fixture.worker("w");
        WorkerProcess good = jar("submit", "quick", "--wait");
        WorkerProcess bad = jar("submit", "bad", "--follow")) {
      assertEquals(0, good.exitCode(), good.output());
      assertEquals(1, bad.exitCode(), bad.output());
      assertTrue(bad.output().contains("broken\n"), bad.output());
      assertTrue(bad.output().contains("is failed: "), bad.output());
      stop(worker);
    }
    try (WorkerProcess late = jar("submit", "quick", "--wait", "--timeout", "1s")) {
      assertEquals(75, late.exitCode(), late.output());
      assertTrue(late.output().contains("is still pending after 1s; it goes on"), late.output());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "status | 0 | pending    1 (1 due, 0 waiting for a retry)",
        "status --watch | 2 | --watch draws on a terminal",
        "list --status failed | 0 | spoiled",
        "list --limit many | 2 | --limit 'many' is no whole number",
        "show 1 | 0 | cancelled",
        "show 9 | 1 | no issue 9",
        "submit fresh | 0 | 4",
        "submit --after soon fresh | 2 | is no duration",
        "retry 1 2 | 0 | issue 2 is pending",
        "retry 3 | 1 | issue 3 is due already",
        "retry all | 2 | 'all' is no issue id",
        "cancel 3 | 0 | issue 3 is cancelled",
        "cancel 2 | 1 | issue 2 has ended",
        "cancel --all --status failed | 2 | takes pending, started",
        "logs 1 | 1 | issue 1 has not run yet",
        "logs 1 --attempt last | 2 | --attempt 'last' is no whole number",
        "pause --for 5m | 0 | paused: the fleet until",
        "pause --worker nobody | 1 | nobody",
        "resume | 0 | the fleet was not paused",
        "resume --worker b@d | 2 | 'b@d' is no worker id",
        "drain nobody | 1 | nobody",
        "drain b@d | 2 | 'b@d' is no worker id",
        "doctor --databse-url x | 2 | did you mean '--database-url'?",
        "generate-completion | 0 | complete",
        "generate-completion x | 2 | 'x' is one argument too many",
        "statsu | 2 | did you mean 'status'?"
      })
  void commandOfTheJarDoesItsWorkOrSaysWhyNot(String commandLine, int exitCode, String said)
      throws Exception {
    fixture.database.execute(
        "INSERT INTO cape_issues (description, status) VALUES ('1', 'cancelled'), ('spoiled', 'failed'), ('3', 'pending')");
    try (WorkerProcess ran = jar(commandLine.split(" "))) {
      assertEquals(exitCode, ran.exitCode(), ran.output());
      assertTrue(ran.output().contains(said), ran.output());
      assertTrue(exitCode == 0 || ran.output().lines().count() == 1, ran.output());
    }
  }

  @Test
  void databaseThatIsAwayIsOneLineWithinTenSeconds() throws Exception {
    try (var silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      String hosts = "127.0.0.1:%1$d,127.0.0.1:%1$d".formatted(silent.getLocalPort());
      for (String[] ran :
          List.of(
              new String[] {"127.0.0.1:1", "list"},
              new String[] {"127.0.0.1:1", "submit", "x"},
              new String[] {hosts, "status"})) {
        Map<String, String> environment =
            Map.of("CAPE_DATABASE_URL", "postgresql://u:s3cr3t@" + ran[0] + "/x");
        String[] command = Arrays.copyOfRange(ran, 1, ran.length);
        long start = System.nanoTime();
        try (var process = WorkerProcess.start(directory, environment, command)) {
          assertEquals(69, process.exitCode(), process.output());
          assertEquals(1, process.output().lines().count(), process.output());
          assertFalse(process.output().contains("s3cr3t"), process.output());
        }
        Duration took = Duration.ofNanos(System.nanoTime() - start);
        assertTrue(took.compareTo(Duration.ofSeconds(10)) < 0, took.toString());
      }
    }
  }

  @Test
  void textsAreInUtf8WhateverTheLocale() throws Exception {
    Map<String, String> posix = new HashMap<>(fixture.environment(Map.of("LC_ALL", "C")));
    Path file = Files.writeString(directory.resolve("issue.txt"), "żółć 🚀");
    try (var submit = WorkerProcess.start(directory, posix, "submit", "--file", file.toString())) {
      assertEquals(0, submit.exitCode(), submit.output());
    }
    assertEquals("żółć 🚀", fixture.database.value("SELECT description FROM cape_issues"));
    try (var list = WorkerProcess.start(directory, posix, "list")) {
      assertEquals(0, list.exitCode());
      assertTrue(list.output().contains("żółć 🚀"), list.output());
    }
    fixture.database.execute(
        """
        INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid,
               lease_expires_at, outcome, output_tail, log_file)
        VALUES (1, 1, 1, gen_random_uuid(), 'w', gen_random_uuid(), '%s', 1, now(), 'failed', 'the end', '/żółć')
        """
            .formatted(Files.readString(Path.of("/proc/sys/kernel/hostname")).strip()));
    try (var logs = WorkerProcess.start(directory, posix, "logs", "1")) {
      assertEquals(0, logs.exitCode(), logs.output());
      assertTrue(logs.output().endsWith("the end"), logs.output());
    }
    try (var refused = WorkerProcess.start(directory, posix, "submit", "żółć")) {
      assertEquals(2, refused.exitCode(), refused.output());
      assertTrue(refused.output().contains("this locale cannot pass"), refused.output());
    }
  }

  @Test
  void outputThatIsLostIsAFailureUnlessNobodyWantsMore() throws Exception {
    Process full = shell("\"$@\" list --json >/dev/full");
    assertEquals(1, full.waitFor());
    String said = new String(full.getErrorStream().readAllBytes(), UTF_8);
    assertEquals("cape-worker: the output cannot be written: No space left on device\n", said);
    fixture.database.execute(
        "INSERT INTO cape_issues (description) SELECT repeat('x', 900) FROM generate_series(1, 500)");
    Process head = shell("\"$@\" list --limit 500 | head -1; echo ${PIPESTATUS[0]}");
    assertTrue(new String(head.getInputStream().readAllBytes(), UTF_8).endsWith("\n0\n"));
    assertEquals("", new String(head.getErrorStream().readAllBytes(), UTF_8));
  }

  /** The JAR is its arguments. */
  private Process shell(String script) throws IOException {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var builder =
        new ProcessBuilder("bash", "-c", script, "x", java, "-jar", WorkerProcess.JAR.toString());
    builder.environment().putAll(fixture.environment(Map.of("LC_ALL", "C.UTF-8")));
    return builder.directory(directory.toFile()).start();
  }

  @Test
  void completionIsLoadedByBash() throws Exception {
    Path script = directory.resolve("completion");
    try (var generate =
        WorkerProcess.startInto(script, directory, Map.of(), "generate-completion")) {
      assertEquals(0, generate.exitCode());
    }
    Process bash =
        new ProcessBuilder(
                "bash",
                "-c",
                ". ./completion && COMP_WORDS=(cape-worker st) COMP_CWORD=1 && _complete_cape-worker"
                    + " && echo \"${COMPREPLY[*]}\"")
            .directory(directory.toFile())
            .redirectError(ProcessBuilder.Redirect.DISCARD) // It is called by no completion here.
            .start();
    String output = new String(bash.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, bash.waitFor(), output);
    assertEquals("status", output.strip());
  }

  private List<Long> runningTree() throws IOException {
    fixture.insert("slow");
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> Files.exists(directory.resolve("started-1")));
    List<Long> tree = fixture.read("pids").lines().map(Long::valueOf).toList();
    assertEquals(3, tree.size());
    assertTrue(tree.stream().allMatch(Processes::isAlive));
    return tree;
  }

  /** From the wish in the row to the settle, which comes when nothing of the run is alive. */
  private void assertGoneWithin(Duration limit, List<Long> tree) {
    fixture.awaitValue("cancelled", "SELECT status FROM cape_issues WHERE id = 1");
    assertTrue(tree.stream().noneMatch(Processes::isAlive), "processes left");
    String took =
        fixture.database.value(
            "SELECT extract(epoch FROM updated_at - cancel_requested_at) FROM cape_issues WHERE id = 1");
    assertTrue(Double.parseDouble(took) <= limit.toSeconds(), took + " s");
  }

  private String said(String... arguments) throws InterruptedException {
    try (WorkerProcess ran = jar(arguments)) {
      assertEquals(0, ran.exitCode(), ran.output());
      return ran.output().strip();
    }
  }

  private WorkerProcess jar(String... arguments) {
    return WorkerProcess.start(directory, fixture.environment(Map.of()), arguments);
  }

  private static void stop(WorkerProcess worker) throws Exception {
    worker.signal("TERM");
    assertEquals(0, worker.exitCode(), worker.output());
  }
}
