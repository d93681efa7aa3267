package com.cape.worker.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.run.StopReason;
import com.cape.worker.testing.Processes;
import com.cape.worker.testing.TestDatabase;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.LeaseTimes;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("database")
@Timeout(30)
class AttemptRunnerTest {
  @TempDir private Path directory;
  private WorkerFixture fixture;
  private TestDatabase database;

  @BeforeEach
  void start() {
    fixture = new WorkerFixture(directory);
    database = fixture.database;
  }

  // The waits are those of the contract, without their jitter.
  @ParameterizedTest
  @CsvSource({
    "exit 0,        0, completed, 1, completed,    0,   ,   0",
    "exit 65,       0, failed,    1, failed,       65,  ,   0",
    "exit 75,       0, pending,   0, throttled,    75,  ,   900",
    "exit 3,        0, pending,   1, failed,       3,   ,   12",
    "exit 3,        1, pending,   2, failed,       3,   ,   48",
    "exit 3,        4, failed,    5, failed,       3,   ,   0",
    "exit 126,      0, pending,   1, failed,       126, ,   12",
    "kill -9 $$,    0, pending,   1, failed,       137, 9,  12",
    "kill -TERM $$, 4, failed,    5, failed,       143, 15, 0",
    "sleep 60,      0, pending,   1, timed_out,    143, 15, 12",
    "sleep 60,      4, failed,    5, timed_out,    143, 15, 0",
    "exec yes,      0, pending,   1, output_limit, 143, 15, 12",
    "exec yes,      4, failed,    5, output_limit, 143, 15, 0",
  })
  void endingIsWrittenDown(
      String script,
      int attemptsBefore,
      String status,
      int attempts,
      String outcome,
      String exitCode,
      String signal,
      int waitSeconds)
      throws Exception {
    fixture.insert("an issue");
    database.execute(
        "UPDATE cape_issues SET run_after = now() - interval '1 h', attempts = " + attemptsBefore);
    runNext("echo printed; " + script);

    assertEquals(
        status + " " + attempts,
        database.value("SELECT status || ' ' || attempts FROM cape_issues"));
    boolean pending = status.equals("pending");
    assertTrue(is("(assigned_worker_id IS NULL) = " + pending));
    assertTrue(is("(started_at IS NULL) = " + pending));
    assertTrue(is("(completed_at IS NOT NULL) = " + status.equals("completed")));
    assertTrue(is("abs(extract(epoch FROM updated_at - now() AT TIME ZONE 'UTC')) < 10"));
    assertTrue(is("(last_error IS NULL) = " + status.equals("completed")));
    if (pending) {
      assertTrue(
          is(
              "extract(epoch FROM run_after - now()) BETWEEN %1$d - 8 AND %1$d"
                  .formatted(waitSeconds)),
          database.value("SELECT run_after - now() FROM cape_issues"));
    }
    assertEquals(
        "%s %s %s %d".formatted(outcome, exitCode, signal, attemptsBefore + 1),
        database.value(
            "SELECT concat_ws(' ', outcome, exit_code, coalesce(signal::text, 'null'), attempt) FROM cape_issue_attempts"));
    assertEquals("t", database.value("SELECT finished_at >= started_at FROM cape_issue_attempts"));
    assertTrue(
        database
            .value("SELECT output_tail FROM cape_issue_attempts")
            .startsWith(script.contains("yes") ? "y" : "printed"));
    Path log = directory.resolve("issues/1/attempt-%d-1.log".formatted(attemptsBefore + 1));
    assertEquals(log.toString(), database.value("SELECT log_file FROM cape_issue_attempts"));
    assertTrue(Files.size(log) <= 1 << 20, "the output is cut at its limit");
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(log)));
    assertEquals(
        outcome.equals("throttled") ? "1" : "0",
        database.value("SELECT count(*) FROM cape_pauses WHERE scope = 'account:default'"));
  }

  @ParameterizedTest
  @CsvSource({"0, pending, 1", "4, failed, 5"})
  void thirdThrottledAttemptInARowCountsAndPausesNobody(
      int attemptsBefore, String status, int attempts) throws Exception {
    fixture.insert("an issue");
    database.execute("UPDATE cape_issues SET attempts = " + attemptsBefore);
    for (int i = 0; i < 3; i++) {
      database.execute("DELETE FROM cape_pauses");
      database.execute("UPDATE cape_issues SET run_after = now() WHERE status = 'pending'");
      runNext("exit 75");
      if (i == 0) {
        // Another run of the account gets through.
        fixture.insert("works");
        database.execute(
            "DELETE FROM cape_pauses; UPDATE cape_issues SET run_after = 'infinity' WHERE id = 1");
        runNext("exit 0");
      }
    }
    assertEquals(
        status + " " + attempts,
        database.value("SELECT status || ' ' || attempts FROM cape_issues WHERE id = 1"));
    assertEquals("0", database.value("SELECT count(*) FROM cape_pauses"));
    assertEquals(
        "3",
        database.value("SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'throttled'"));
  }

  @Test
  void grandchildThatHoldsTheOutputOpenAddsNoWaitAndIsGone() throws Exception {
    long start = System.nanoTime();
    run("sleep 300 & echo $! >grandchild; exit 0");
    assertTrue(
        Duration.ofNanos(System.nanoTime() - start).toMillis() < 1000, "no grace for zombies");
    long pid = Long.parseLong(Files.readString(directory.resolve("grandchild")).strip());
    assertFalse(Processes.isAlive(pid));
    assertEquals("completed", database.value("SELECT status FROM cape_issues"));
  }

  @Test
  void workflowThatKillsItsGuardianIsGoneBeforeTheIssueIsSettled() throws Exception {
    run("echo $$ >victim; trap : TERM; kill -9 $PPID; while :; do sleep 0.1; done");
    assertFalse(
        Processes.isAlive(Long.parseLong(Files.readString(directory.resolve("victim")).strip())));
    assertEquals("failed", database.value("SELECT outcome FROM cape_issue_attempts"));
    assertEquals("null", database.value("SELECT exit_code FROM cape_issue_attempts"));
  }

  @Test
  void startThatSucceedsEndsTheRestWhileTheWorkflowRuns() throws Exception {
    fixture.insert("an issue");
    RunPlan plan = fixture.script("until [ -e go ]; do sleep 0.02; done");
    ClaimGate gate = fixture.gate(plan);
    gate.startFailed("a run before");
    var running = CompletableFuture.supplyAsync(() -> run(plan, gate));
    await().until(() -> gate.hold().isEmpty());
    Files.createFile(directory.resolve("go"));
    assertEquals(Attempt.State.SETTLED, running.get());
  }

  @Test
  void commandThatDoesNotStartMakesTheWorkerRest() throws Exception {
    fixture.insert("an issue");
    RunPlan plan = fixture.plan("no-such-command {id}", "/bin");
    ClaimGate gate = fixture.gate(plan);
    fixture.runNext(plan, gate);
    assertEquals(
        ClaimGate.Reason.COMMAND_MISSING, gate.current().map(ClaimGate.Hold::reason).orElseThrow());
  }

  private Attempt.State run(RunPlan plan, ClaimGate gate) {
    return assertDoesNotThrow(() -> fixture.runNext(plan, gate));
  }

  @Test
  void attemptThatIsStoppedBeforeItsStartIsGivenBackAndNothingIsRun() throws Exception {
    fixture.insert("an issue");
    RunPlan plan = fixture.script("touch ran");
    Attempt attempt = fixture.claimNext(plan);
    attempt.stop(StopReason.INTERRUPTED);
    var specs =
        new RunSpecs(
            WorkerFixture.ALICE.id(), plan, new LeaseTimes(WorkerFixture.LEASE, plan.grace()));
    var settling = fixture.settling(plan);
    new AttemptRunner(plan, specs, WorkerFixture.commands(), fixture.gate(plan), settling.settler())
        .run(attempt);
    assertEquals(Attempt.State.GIVEN_BACK, attempt.state());
    assertTrue(is("status = 'pending' AND attempts = 0"));
    assertFalse(Files.exists(directory.resolve("ran")));
  }

  @Test
  void statusThatTheWorkflowWritesItselfDoesNotDecide() throws Exception {
    fixture.insert("an issue");
    Thread run =
        new Thread(
            () ->
                assertDoesNotThrow(
                    () -> runNext("touch on; until [ -e go ]; do sleep 0.02; done")));
    run.start();
    await().until(() -> Files.exists(directory.resolve("on")));
    database.execute("UPDATE cape_issues SET status = 'pending', assigned_worker_id = NULL");
    assertEquals(
        Optional.empty(),
        fixture
            .stores
            .issues()
            .claim(UUID.randomUUID(), WorkerFixture.ALICE, "x", WorkerFixture.LEASE)
            .claim());
    Files.createFile(directory.resolve("go"));
    run.join();
    assertEquals("completed", database.value("SELECT status FROM cape_issues"));
  }

  @Test
  void workflowSeesTheIssueAndLeavesItsTailAndNoOtherFile() throws Exception {
    run("echo $CAPE_ISSUE_ID $CAPE_ATTEMPT $CAPE_FENCE $CAPE_WORKER_ID; cat $CAPE_ISSUE_FILE");
    assertEquals(
        "1 1 1 alice\nan issue", database.value("SELECT output_tail FROM cape_issue_attempts"));
    Path log = Path.of(database.value("SELECT log_file FROM cape_issue_attempts"));
    assertEquals("1 1 1 alice\nan issue", Files.readString(log));
    try (var left = Files.list(directory.resolve("runs"))) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void logOfAnotherDatabaseIsKeptAside() throws Exception {
    Path folder = Files.createDirectories(directory.resolve("issues/1"));
    Files.writeString(folder.resolve("attempt-1-1.log"), "older");
    run("echo newer");
    assertEquals("newer\n", Files.readString(folder.resolve("attempt-1-1.log")));
    try (var files = Files.list(folder)) {
      assertEquals(2, files.count());
    }
  }

  @Test
  void secondAttemptSeesTheFirstOnesError() throws Exception {
    run("echo oops; exit 3");
    database.execute("UPDATE cape_issues SET run_after = now()");
    runNext("echo \"$CAPE_LAST_ERROR\"");
    String tail =
        database.value("SELECT output_tail FROM cape_issue_attempts ORDER BY id DESC LIMIT 1");
    assertTrue(tail.matches("attempt 1 failed: exit 3 after \\d s\noops\n\n?"), tail);
  }

  private boolean is(String condition) {
    return database.value("SELECT " + condition + " FROM cape_issues").equals("t");
  }

  private void run(String script) throws Exception {
    fixture.insert("an issue");
    runNext(script);
  }

  @Test
  void commandThatIsStillWrittenCostsNoAttempt() throws Exception {
    Path command = Files.copy(Path.of("/bin/true"), directory.resolve("adw"));
    fixture.insert("an issue");
    RunPlan plan = fixture.plan(command + " {id}", "/bin");
    ClaimGate gate = fixture.gate(plan);
    try (var copying = FileChannel.open(command, StandardOpenOption.WRITE)) {
      fixture.runNext(plan, gate);
      assertTrue(copying.isOpen());
    }
    String cause = "cannot start " + command + ": Text file busy";
    assertTrue(gate.current().orElseThrow().text().endsWith(cause));
    assertTrue(is("status = 'pending' AND attempts = 0 AND fence = 1"));
    assertEquals(
        "not_started | attempt 1 not_started: " + cause,
        database.value("SELECT outcome || ' | ' || error FROM cape_issue_attempts"));
  }

  private void runNext(String script) throws Exception {
    assertEquals(Attempt.State.SETTLED, fixture.runNext(fixture.script(script)));
  }
}
