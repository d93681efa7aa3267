package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.Processes;
import com.cape.worker.testing.Repeats;
import com.cape.worker.testing.WorkerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What a crash, a restart and an upgrade of the worker do to its runs. */
@Execution(ExecutionMode.CONCURRENT)
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class AdoptionIT {
  private static final int KILLS = Repeats.of(12, 200);
  private static final int NEVER_RETURNS = Repeats.of(4, 200);
  private static final int AT_ONCE = Repeats.of(4, 20);
  private static final int SHORT_RUNS = Repeats.of(60, 1000);
  private static final Duration LIMIT = Duration.ofSeconds(30);
  // Each run notes its begin, waits for its file, and notes its end.
  private static final String WORKFLOW =
      """
      echo "begin $CAPE_FENCE $$" >>"ran-$1"
      until [ -e "go-$1" ]; do sleep 0.05; done
      echo "end $CAPE_FENCE" >>"ran-$1"
      """;

  private static final String ADOPTIONS =
      "SELECT string_agg(adoptions::text, ' ' ORDER BY id) FROM cape_issue_attempts";

  @TempDir private Path directory;
  private JarFixture fixture;

  @BeforeEach
  void start() throws Exception {
    fixture = new JarFixture(directory, WORKFLOW).migrated();
  }

  @Test
  void runOfAKilledWorkerIsAdoptedWithinTwoSecondsAndCompletes() throws Exception {
    fixture.insert("killed");
    killWhileRunning("adopts");
    long killedNanos = System.nanoTime();
    try (WorkerProcess successor = fixture.worker("adopts")) {
      successor.awaitOutput("adopted a run of the predecessor");
      double took = (System.nanoTime() - killedNanos) / 1e9;
      System.out.printf("from the kill to the adoption: %.1f s%n", took);
      go(1);
      fixture.awaitValue("completed", "SELECT status FROM cape_issues");
      stop(successor);
    }
    assertEquals(
        "1 1 completed 1",
        fixture.database.value(
            "SELECT concat_ws(' ', attempts, i.fence, outcome, adoptions)"
                + " FROM cape_issues i, cape_issue_attempts"));
    assertRanOnce(1);
    assertNothingIsLeft("adopts");
  }

  /** At the claim, the begin and the settle of runs, and in between. */
  @Test
  void killsAtRandomMomentsCostNoRun() throws Exception {
    var random = new Random(19);
    fixture.insert("one of many");
    int issue = 1;
    int kills = 0;
    while (kills < KILLS) {
      try (WorkerProcess worker = fixture.worker("killed")) {
        int moment = random.nextInt(4);
        if (moment == 0) {
          worker.awaitOutput("ready");
        } else if (moment == 1) {
          awaitStarted(issue);
        } else if (moment == 2) {
          awaitBegun(issue);
        } else {
          awaitBegun(issue);
          go(issue);
        }
        TimeUnit.MICROSECONDS.sleep(random.nextInt(moment == 0 ? 300_000 : 20_000));
        worker.signal("KILL");
        worker.exitCode();
        kills++;
      }
      if (Files.exists(directory.resolve("go-" + issue))) {
        issue++;
        fixture.insert("one of many");
      }
      TimeUnit.MILLISECONDS.sleep(random.nextInt(Repeats.of(1000, 3000)));
    }
    for (int one = 1; one <= issue; one++) {
      go(one);
    }
    try (WorkerProcess last = fixture.worker("killed")) {
      fixture.awaitValue("" + issue, "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
      stop(last);
    }
    assertEquals(
        "0", fixture.database.value("SELECT count(*) FROM cape_issues WHERE attempts <> 1"));
    assertEquals(
        "completed,not_started",
        fixture.database.value(
            "SELECT string_agg(DISTINCT outcome, ',') || CASE WHEN bool_or(outcome = 'not_started')"
                + " THEN '' ELSE ',not_started' END FROM cape_issue_attempts"));
    for (int one = 1; one <= issue; one++) {
      assertRanOnce(one);
    }
    assertNothingIsLeft("killed");
    System.out.printf("kills: %d, issues: %d%n", kills, issue);
  }

  @Test
  void runOfAWorkerThatNeverReturnsIsGoneBeforeItsLeaseEnds() throws Exception {
    Files.writeString(
        directory.resolve("adw"),
        """
        #!/bin/bash
        trap '' TERM
        echo "begin $(cut -d ' ' -f 1 /proc/uptime)" >>"ran-$1"
        [ "$CAPE_ATTEMPT" = 1 ] || exit 0
        while :; do echo "$(cut -d ' ' -f 1 /proc/uptime)" >>"last-$1"; sleep 0.02; done
        """);
    int issue = 0;
    while (issue < NEVER_RETURNS) {
      List<WorkerProcess> workers = new ArrayList<>();
      int first = issue + 1;
      for (int i = 0; i < AT_ONCE; i++) {
        fixture.insert("abandoned");
        workers.add(fixture.worker("gone-" + ++issue, "--lease", "10"));
      }
      for (int one = first; one <= issue; one++) {
        int file = one;
        await().atMost(LIMIT).until(() -> Files.exists(directory.resolve("last-" + file)));
      }
      for (WorkerProcess worker : workers) {
        worker.signal("KILL");
        worker.close();
      }
      try (WorkerProcess other = fixture.worker("other", "--retry-delay", "1", "--lease", "10")) {
        fixture.awaitValue(
            "" + issue, "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
        stop(other);
      }
      for (int one = first; one <= issue; one++) {
        List<String> begins = Files.readAllLines(directory.resolve("ran-" + one));
        double second = Double.parseDouble(begins.get(begins.size() - 1).split(" ")[1]);
        List<String> alive = Files.readAllLines(directory.resolve("last-" + one));
        double last = Double.parseDouble(alive.get(alive.size() - 1));
        assertTrue(last < second, "issue %d: %s after %s".formatted(one, last, second));
      }
    }
    assertEquals(
        issue + " " + issue,
        fixture.database.value(
            "SELECT count(*) FILTER (WHERE outcome = 'lost') || ' ' || count(*) FILTER (WHERE"
                + " outcome = 'completed') FROM cape_issue_attempts"));
  }

  @Test
  void ofTwoProcessesWithCopiedStateDirectoriesOneAdopts() throws Exception {
    fixture.insert("copied");
    killWhileRunning("twin", "--state-dir", "first");
    Process copy =
        new ProcessBuilder("cp", "-a", "first", "second").directory(directory.toFile()).start();
    assertEquals(0, copy.waitFor());
    try (WorkerProcess one = fixture.worker("twin", "--state-dir", "first");
        WorkerProcess two = fixture.worker("twin", "--state-dir", "second")) {
      await().atMost(LIMIT).until(() -> !one.isAlive() || !two.isAlive());
      WorkerProcess refused = one.isAlive() ? two : one;
      assertEquals(75, refused.exitCode(), refused.output());
      fixture.awaitValue("1", "SELECT adoptions FROM cape_issue_attempts");
      go(1);
      fixture.awaitValue("t", "SELECT status <> 'started' FROM cape_issues");
      stop(one.isAlive() ? one : two);
    }
    if (fixture.database.value("SELECT status FROM cape_issues").equals("completed")) {
      assertRanOnce(1);
    }
  }

  @Test
  void hangUpAndRestartCommandHandTheRunOver() throws Exception {
    fixture.insert("handed over");
    long askedNanos;
    try (WorkerProcess worker = fixture.worker("hands-over")) {
      awaitBegun(1);
      askedNanos = System.nanoTime();
      worker.signal("HUP");
      assertTrue(worker.ended(Duration.ofSeconds(5)), worker.output());
      assertEquals(75, worker.exitCode(), worker.output());
    }
    assertEquals("handing_over", fixture.database.value("SELECT state FROM cape_workers"));
    try (WorkerProcess worker = fixture.worker("hands-over", "--concurrency", "2")) {
      worker.awaitOutput("adopted a run of the predecessor");
      fixture.insert("claimed again");
      awaitBegun(2);
      System.out.printf(
          "from HUP to the next claim: %.1f s%n", (System.nanoTime() - askedNanos) / 1e9);
      fixture.awaitValue(
          "working t", "SELECT concat_ws(' ', state, listener_up) FROM cape_workers");
      askedNanos = System.nanoTime();
      try (WorkerProcess command =
          WorkerProcess.start(
              directory, fixture.environment(Map.of()), "restart", "hands-over", "--wait")) {
        assertEquals(75, worker.exitCode(), worker.output());
        double took = (System.nanoTime() - askedNanos) / 1e9;
        System.out.printf("from the restart command to the exit: %.1f s%n", took);
        try (WorkerProcess last = fixture.worker("hands-over", "--concurrency", "2")) {
          assertEquals(0, command.exitCode(), command.output());
          fixture.awaitValue("2 1", ADOPTIONS);
          go(1);
          go(2);
          fixture.awaitValue("2", "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
          stop(last);
        }
      }
    }
    assertRanOnce(1);
    assertRanOnce(2);
    assertNothingIsLeft("hands-over");
  }

  @Test
  void manyRestartsLeaveNoProcessNoDescriptorAndNoFolder() throws Exception {
    Files.writeString(
        directory.resolve("adw"), "#!/bin/bash\nsleep 0.$((RANDOM % 3))$((RANDOM % 10))\n");
    fixture.database.execute(
        "INSERT INTO cape_issues (description) SELECT 'short' FROM generate_series(1, %d)"
            .formatted(SHORT_RUNS));
    int restarts = 0;
    String done = "SELECT count(*) FROM cape_issues WHERE status = 'completed'";
    while (!fixture.database.value(done).equals("" + SHORT_RUNS)) {
      try (WorkerProcess worker = fixture.worker("restarts", "--concurrency", "2")) {
        if (!worker.ended(Duration.ofSeconds(2))) {
          worker.signal(++restarts % 2 == 0 ? "HUP" : "KILL");
        }
        worker.exitCode();
      }
    }
    try (WorkerProcess last = fixture.worker("restarts")) {
      last.awaitOutput("ready");
      await()
          .atMost(LIMIT)
          .until(
              () ->
                  !Files.exists(directory.resolve("logs/state/restarts/runs"))
                      || folders("restarts") == 0);
      stop(last);
    }
    assertEquals(
        "0", fixture.database.value("SELECT count(*) FROM cape_issues WHERE attempts <> 1"));
    assertNothingIsLeft("restarts");
    System.out.printf("short runs: %d, restarts: %d%n", SHORT_RUNS, restarts);
  }

  @Test
  void workerWithFewerSlotsClaimsNothingUntilThereIsRoom() throws Exception {
    for (int i = 0; i < 4; i++) {
      fixture.insert("one of four");
    }
    try (WorkerProcess worker = fixture.worker("shrinks", "--concurrency", "3")) {
      for (int i = 1; i <= 3; i++) {
        awaitBegun(i);
      }
      worker.signal("KILL");
      worker.exitCode();
    }
    try (WorkerProcess worker = fixture.worker("shrinks", "--concurrency", "1")) {
      await()
          .atMost(LIMIT)
          .until(() -> worker.output().split("adopted a run of the predecessor", -1).length == 4);
      go(1);
      go(2);
      fixture.awaitValue("2", "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
      fixture.awaitValue(
          "0 true",
          "SELECT free_slots || ' ' || (heartbeat_at > now() - interval '40 s') FROM cape_workers");
      assertEquals(
          "pending", fixture.database.value("SELECT status FROM cape_issues WHERE id = 4"));
      go(3);
      awaitBegun(4);
      go(4);
      fixture.awaitValue("4", "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
      stop(worker);
    }
    for (int i = 1; i <= 4; i++) {
      assertRanOnce(i);
    }
  }

  @Test
  void runThatIsNoLongerTheWorkersIsStopped() throws Exception {
    fixture.insert("rescued meanwhile");
    killWhileRunning("late");
    fixture.database.execute(
        "UPDATE cape_issue_attempts SET outcome = 'lost', finished_at = now();"
            + " UPDATE cape_issues SET status = 'failed'");
    try (WorkerProcess worker = fixture.worker("late")) {
      await().atMost(LIMIT).until(() -> !Processes.isAlive(workflow(1)));
      worker.awaitOutput("nothing written");
      stop(worker);
    }
    assertEquals(
        "failed lost",
        fixture.database.value(
            "SELECT status || ' ' || outcome FROM cape_issues, cape_issue_attempts"));
    assertNothingIsLeft("late");
  }

  @Test
  void cancelThatWasAskedForWhileNobodyWasThereIsObeyed() throws Exception {
    fixture.insert("cancelled");
    killWhileRunning("cancels");
    fixture.database.execute("UPDATE cape_issues SET cancel_requested_at = now()");
    try (WorkerProcess worker = fixture.worker("cancels", "--lease", "10")) {
      fixture.awaitValue("cancelled", "SELECT status FROM cape_issues");
      stop(worker);
    }
    assertEquals("cancelled", fixture.database.value("SELECT outcome FROM cape_issue_attempts"));
    assertNothingIsLeft("cancels");
  }

  @Test
  void folderThatIsSpoiltStopsNoOther() throws Exception {
    fixture.insert("spoilt");
    fixture.insert("whole");
    try (WorkerProcess worker = fixture.worker("spoilt", "--concurrency", "2")) {
      awaitBegun(1);
      awaitBegun(2);
      worker.signal("KILL");
      worker.exitCode();
    }
    try (Stream<Path> folders = Files.list(directory.resolve("logs/state/spoilt/runs"))) {
      Path first =
          folders
              .filter(one -> one.getFileName().toString().startsWith("1-"))
              .findFirst()
              .orElseThrow();
      Files.writeString(first.resolve("spec"), "on-death keep\0until never\0");
    }
    try (WorkerProcess worker = fixture.worker("spoilt", "--concurrency", "2")) {
      worker.awaitOutput("adopted a run of the predecessor");
      go(2);
      fixture.awaitValue("completed", "SELECT status FROM cape_issues WHERE id = 2");
      stop(worker);
    }
    assertRanOnce(2);
  }

  @Test
  void resultThatWasRecordedBeforeARebootIsTaken() throws Exception {
    fixture.insert("rebooted");
    killWhileRunning("reboots");
    Path folder = onlyFolder("reboots");
    go(1);
    await().atMost(LIMIT).until(() -> Files.readString(folder.resolve("record")).contains("ended"));
    String spec = Files.readString(folder.resolve("spec"));
    Files.writeString(folder.resolve("spec"), spec.replaceFirst("boot [^\0]*", "boot another"));
    Path lock = directory.resolve("logs/state/reboots/lock");
    List<String> lines = new ArrayList<>(Files.readAllLines(lock));
    lines.set(2, "Machine[boot=another, namespace=another]");
    Files.write(lock, lines);
    try (WorkerProcess worker = fixture.worker("reboots")) {
      fixture.awaitValue("completed", "SELECT status FROM cape_issues");
      stop(worker);
    }
    assertEquals("1", fixture.database.value("SELECT attempts FROM cape_issues"));
    assertRanOnce(1);
  }

  @Test
  void attemptWhoseRowSomebodyHoldsStopsNoOther() throws Exception {
    fixture.insert("held");
    fixture.insert("free");
    try (WorkerProcess worker = fixture.worker("locks", "--concurrency", "2")) {
      awaitBegun(1);
      awaitBegun(2);
      worker.signal("KILL");
      worker.exitCode();
    }
    try (var holder = fixture.database.dataSource().getConnection();
        var statement = holder.createStatement()) {
      holder.setAutoCommit(false);
      statement.execute("SELECT FROM cape_issue_attempts WHERE issue_id = 1 FOR UPDATE");
      try (WorkerProcess worker = fixture.worker("locks", "--concurrency", "3")) {
        fixture.insert("new");
        awaitBegun(3);
        go(2);
        go(3);
        fixture.awaitValue("2", "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
        holder.rollback();
        fixture.awaitValue("1", "SELECT adoptions FROM cape_issue_attempts WHERE issue_id = 1");
        go(1);
        fixture.awaitValue("3", "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
        stop(worker);
      }
    }
    for (int i = 1; i <= 3; i++) {
      assertRanOnce(i);
    }
    assertNothingIsLeft("locks");
  }

  @Test
  void secondTermDuringTheRecoveryStopsWhatIsNotAdopted() throws Exception {
    fixture.insert("held");
    killWhileRunning("stops");
    try (var holder = fixture.database.dataSource().getConnection();
        var statement = holder.createStatement()) {
      holder.setAutoCommit(false);
      statement.execute("SELECT FROM cape_issue_attempts FOR UPDATE");
      try (WorkerProcess worker = fixture.worker("stops")) {
        worker.awaitOutput("ready");
        assertTrue(Processes.isAlive(workflow(1)));
        worker.signal("TERM");
        worker.awaitOutput("draining");
        worker.signal("TERM");
        await().atMost(Duration.ofSeconds(5)).until(() -> !Processes.isAlive(workflow(1)));
        holder.rollback();
        assertEquals(0, worker.exitCode(), worker.output());
      }
    }
  }

  private Path onlyFolder(String id) throws IOException {
    try (Stream<Path> all = Files.list(directory.resolve("logs/state/" + id + "/runs"))) {
      return all.findFirst().orElseThrow();
    }
  }

  @Test
  void stopOfAWorkerThatWaitsForTheDatabaseLeavesNobody() throws Exception {
    fixture.insert("orphan");
    killWhileRunning("away");
    Map<String, String> nowhere =
        fixture.environment(
            Map.of("CAPE_WORKER_ID", "away", "CAPE_DATABASE_URL", "postgresql://127.0.0.1:9/none"));
    try (WorkerProcess worker = WorkerProcess.start(directory, nowhere, "--drain-timeout", "1")) {
      worker.awaitOutput("database unavailable");
      assertTrue(Processes.isAlive(workflow(1)));
      stop(worker);
    }
    assertTrue(!Processes.isAlive(workflow(1)));
    try (WorkerProcess worker = fixture.worker("away")) {
      go(1);
      fixture.awaitValue("completed", "SELECT status FROM cape_issues");
      stop(worker);
    }
    assertEquals(
        "1 interrupted,completed",
        fixture.database.value(
            "SELECT attempts || ' ' || (SELECT string_agg(outcome, ',' ORDER BY id)"
                + " FROM cape_issue_attempts) FROM cape_issues"));
  }

  private void killWhileRunning(String id, String... arguments) throws Exception {
    try (WorkerProcess worker = fixture.worker(id, arguments)) {
      awaitBegun(1);
      worker.signal("KILL");
      worker.exitCode();
    }
  }

  private static void stop(WorkerProcess worker) throws Exception {
    worker.signal("TERM");
    assertEquals(0, worker.exitCode(), worker.output());
  }

  private void awaitStarted(int issue) {
    await()
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(1))
        .until(
            () ->
                !fixture
                    .database
                    .value("SELECT status FROM cape_issues WHERE id = " + issue)
                    .equals("pending"));
  }

  private void awaitBegun(int issue) {
    await()
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(5))
        .until(() -> Files.exists(directory.resolve("ran-" + issue)));
  }

  private void go(int issue) throws IOException {
    Path file = directory.resolve("go-" + issue);
    if (Files.notExists(file)) {
      Files.createFile(file);
    }
  }

  private long workflow(int issue) throws IOException {
    return Long.parseLong(
        fixture.read("ran-" + issue).lines().findFirst().orElseThrow().split(" ")[2]);
  }

  /** One begin and one end, both of the same fence. */
  private void assertRanOnce(int issue) throws IOException {
    List<String> lines = fixture.read("ran-" + issue).lines().toList();
    assertEquals(2, lines.size(), lines::toString);
    assertEquals(
        lines.get(0).split(" ")[1], lines.get(1).split(" ")[1], "issue " + issue + ": " + lines);
  }

  private long folders(String id) throws IOException {
    try (Stream<Path> left = Files.list(directory.resolve("logs/state/" + id + "/runs"))) {
      return left.count();
    }
  }

  /** No folder of a run, and no process that works in this test's directory. */
  private void assertNothingIsLeft(String id) throws IOException {
    assertEquals(0, folders(id));
    await().atMost(LIMIT).until(() -> processes().isEmpty());
  }

  private Set<String> processes() throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      return all.filter(one -> one.getFileName().toString().matches("[0-9]+"))
          .filter(this::worksHere)
          .map(one -> one + " " + Processes.words(one).replace('\0', ' '))
          .collect(Collectors.toSet());
    }
  }

  private boolean worksHere(Path process) {
    try {
      return Files.readSymbolicLink(process.resolve("cwd")).startsWith(directory);
    } catch (IOException e) {
      return false; // It has ended, or is the kernel's.
    }
  }
}
