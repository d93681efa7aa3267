package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.Processes;
import com.cape.worker.testing.WorkerProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Signals to the JAR while a workflow runs. */
@Execution(ExecutionMode.CONCURRENT)
@Timeout(120)
class StopIT {
  @TempDir private Path directory;
  private JarFixture fixture;

  @BeforeEach
  void start() throws Exception {
    fixture =
        new JarFixture(
                directory, "echo $$ >pid.new; mv pid.new pid; until [ -e go ]; do sleep 0.05; done")
            .migrated();
    fixture.insert("an issue");
  }

  @Test
  void firstTermLetsTheWorkflowEnd() throws Exception {
    try (WorkerProcess worker = running()) {
      worker.signal("TERM");
      worker.awaitOutput("draining");
      Files.createFile(directory.resolve("go"));
      assertEquals(0, worker.exitCode(), worker.output());
    }
    assertEquals("completed", fixture.database.value("SELECT status FROM cape_issues"));
  }

  @Test
  void secondSignalGivesTheIssueBackUncounted() throws Exception {
    try (WorkerProcess worker = running()) {
      worker.signal("INT");
      worker.awaitOutput("draining");
      worker.signal("TERM");
      assertTrue(worker.ended(Duration.ofSeconds(10)), "long before the drain timeout");
      assertEquals(0, worker.exitCode(), worker.output());
    }
    assertEquals(
        "pending 0 interrupted",
        fixture.database.value(
            "SELECT status || ' ' || attempts || ' ' || outcome FROM cape_issues, cape_issue_attempts"));
    awaitGone(List.of(workflow()));
  }

  @Test
  void thirdSignalEndsTheWorkerAndWithItTheWorkflow() throws Exception {
    Files.writeString(
        directory.resolve("adw"),
        "#!/bin/bash\ntrap '' TERM\necho $$ >pid.new; mv pid.new pid; while :; do sleep 0.05; done\n");
    List<Long> started;
    try (WorkerProcess worker = running("--grace", "3")) {
      worker.signal("TERM");
      worker.awaitOutput("draining");
      worker.signal("TERM");
      worker.awaitOutput("stopping running workflows");
      started = startedBy(worker);
      worker.signal("TERM");
      assertEquals(1, worker.exitCode(), worker.output());
    }
    awaitGone(started);
  }

  @Test
  void workflowDiesWithAWorkerThatIsKilledIfThatWasAskedFor() throws Exception {
    try (WorkerProcess worker = running("--on-worker-death", "end")) {
      List<Long> started = startedBy(worker);
      worker.signal("KILL");
      worker.exitCode();
      awaitGone(started);
    }
  }

  @Test
  void successorOfAKilledWorkerGivesTheIssueBackAtOnce() throws Exception {
    try (WorkerProcess worker = running("--on-worker-death", "end")) {
      worker.signal("KILL");
      worker.exitCode();
    }
    try (WorkerProcess successor = fixture.worker("stop")) {
      await()
          // Its lease would last for minutes.
          .atMost(Duration.ofSeconds(20))
          .until(
              () ->
                  fixture
                      .database
                      .value("SELECT concat_ws(' ', status, attempts, last_error) FROM cape_issues")
                      .startsWith("pending 1 attempt 1 lost"));
      assertEquals("lost", fixture.database.value("SELECT outcome FROM cape_issue_attempts"));
      successor.signal("TERM");
      assertEquals(0, successor.exitCode());
    }
    try (var left = Files.list(directory.resolve("logs/state/stop/runs"))) {
      assertEquals(0, left.count());
    }
  }

  @Test
  void frozenWorkerCannotKeepItsWorkflowAlivePastTheLease() throws Exception {
    Files.writeString(
        directory.resolve("adw"),
        "#!/bin/bash\ntrap '' TERM\necho $$ >pid.new; mv pid.new pid; while :; do sleep 0.05; done\n");
    try (WorkerProcess worker = running("--lease", "10")) {
      worker.signal("STOP");
      await()
          .atMost(Duration.ofSeconds(20))
          .pollInterval(Duration.ofMillis(50))
          .until(() -> !Processes.isAlive(workflow()));
      assertEquals(
          "t",
          fixture.database.value(
              "SELECT clock_timestamp() < lease_expires_at FROM cape_issue_attempts"),
          "dead before the lease ends");
      worker.signal("CONT");
      fixture.awaitValue(
          "interrupted", "SELECT outcome FROM cape_issue_attempts ORDER BY id LIMIT 1");
    }
  }

  @Test
  void frozenWorkerSettlesNothingOnceAnotherHasTakenItsIssue() throws Exception {
    Files.writeString(
        directory.resolve("adw"),
        """
        #!/bin/bash
        [ $CAPE_ATTEMPT = 1 ] || exit 0
        trap '' TERM
        echo $$ >pid.new
        mv pid.new pid
        while :; do sleep 0.05; done
        """);
    try (WorkerProcess frozen = running("--lease", "10")) {
      frozen.signal("STOP");
      try (WorkerProcess other = fixture.worker("other", "--lease", "10", "--retry-delay", "1")) {
        fixture.awaitValue("completed", "SELECT status FROM cape_issues");
        other.signal("TERM");
        assertEquals(0, other.exitCode(), other.output());
      }
      frozen.signal("CONT");
      frozen.awaitOutput("lease lost, nothing written");
    }
    assertEquals(
        "completed 2 lost,completed",
        fixture.database.value(
            "SELECT concat_ws(' ', status, attempts, (SELECT string_agg(outcome, ',' ORDER BY id)"
                + " FROM cape_issue_attempts)) FROM cape_issues"));
  }

  private WorkerProcess running(String... arguments) {
    WorkerProcess worker = fixture.worker("stop", arguments);
    await().atMost(Duration.ofSeconds(30)).until(() -> Files.exists(directory.resolve("pid")));
    return worker;
  }

  private long workflow() throws Exception {
    return Long.parseLong(fixture.read("pid").strip());
  }

  /** The workflow, and its guardian, which writes into the run's directory until it ends. */
  private List<Long> startedBy(WorkerProcess worker) throws Exception {
    List<Long> started =
        ProcessHandle.of(worker.pid()).orElseThrow().descendants().map(ProcessHandle::pid).toList();
    assertTrue(started.contains(workflow()));
    return started;
  }

  private static void awaitGone(List<Long> pids) {
    await().atMost(Duration.ofSeconds(10)).until(() -> pids.stream().noneMatch(Processes::isAlive));
  }
}
