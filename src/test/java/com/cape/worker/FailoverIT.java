package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.ServerPair;
import com.cape.worker.testing.WorkerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A primary that is killed, and a standby that takes its place. */
@Execution(ExecutionMode.CONCURRENT)
@Timeout(120)
class FailoverIT {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Duration A_WHILE = Duration.ofSeconds(2);

  @TempDir private Path directory;
  private final List<WorkerProcess> workers = new ArrayList<>();

  @AfterEach
  void closeWorkers() {
    workers.forEach(WorkerProcess::close);
  }

  @Test
  void liveRunsOutliveAFailoverToASynchronousStandby() throws Exception {
    script("echo $1 >>runs; until [ -e go-$(($1 % 2)) ] || [ $1 -gt 6 ]; do sleep 0.05; done");
    try (var servers = new ServerPair(directory, true)) {
      assertEquals("on", servers.onStandby("SHOW fsync"));
      for (String id : List.of("one", "two", "three")) {
        workers.add(worker(id, servers.url(), "--lease", "40", "--concurrency", "2"));
      }
      for (WorkerProcess worker : workers) {
        worker.awaitOutput("ready");
      }
      servers.executeOnPrimary(
          "INSERT INTO cape_issues (description) SELECT 'issue' FROM generate_series(1, 12)");
      await().atMost(LIMIT).until(() -> runs().size() == 6);

      servers.killPrimary();
      // Half of them end while there is no primary: their results wait.
      Files.createFile(directory.resolve("go-0"));
      for (WorkerProcess worker : workers) {
        worker.awaitOutput("database unavailable");
      }
      await().atMost(LIMIT).until(() -> workers.stream().mapToLong(FailoverIT::ended).sum() == 3);
      assertStaysSo(() -> runs().size() == 6);
      servers.promoteStandby();
      for (WorkerProcess worker : workers) {
        worker.awaitOutput("database back");
      }
      Files.createFile(directory.resolve("go-1"));

      servers.awaitOnStandby("12", "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
      assertEquals(
          "12 12 completed",
          servers.onStandby(
              "SELECT concat_ws(' ', count(*), count(DISTINCT issue_id),"
                  + " string_agg(DISTINCT outcome, ',')) FROM cape_issue_attempts"));
      assertEquals(12, runs().size());
      assertEquals(
          IntStream.rangeClosed(1, 12).boxed().toList(),
          new TreeSet<>(runs().stream().map(Integer::valueOf).toList()).stream().toList());
      for (WorkerProcess worker : workers) {
        assertEquals(ended(worker), count(worker, "exit=0 stopped=no"), worker.output());
        worker.signal("TERM");
        assertEquals(0, worker.exitCode(), worker.output());
      }
    }
  }

  @Test
  void runThatTheNewPrimaryDoesNotKnowIsStoppedAtTheNextHeartbeat() throws Exception {
    script(
        "exec 9>>lock; flock -n 9 || echo overlap >>runs; echo $1 >>runs;"
            + " until [ -e go ]; do sleep 0.05 9>&-; done");
    try (var servers = new ServerPair(directory, false)) {
      migrate(servers.url());
      servers.executeOnPrimary("INSERT INTO cape_issues (description) VALUES ('an issue')");
      servers.awaitOnPrimary(
          "t", "SELECT replay_lsn = pg_current_wal_lsn() FROM pg_stat_replication");
      servers.disconnectStandby();
      WorkerProcess worker = worker("only", servers.url(), "--lease", "30");
      workers.add(worker);
      await().atMost(LIMIT).until(() -> runs().size() == 1);

      servers.killPrimary();
      worker.awaitOutput("database unavailable");
      servers.promoteStandby();
      long promoted = System.nanoTime();
      worker.awaitOutput("lease lost, stopping the run");
      System.out.printf(
          "a forgotten run is stopped %d ms after the failover%n",
          Duration.ofNanos(System.nanoTime() - promoted).toMillis());
      await().atMost(LIMIT).until(() -> runs().size() == 2);
      Files.createFile(directory.resolve("go"));
      servers.awaitOnStandby("completed", "SELECT status FROM cape_issues");
      assertEquals(List.of("1", "1"), runs());
      assertEquals(
          "1 completed",
          servers.onStandby("SELECT count(*) || ' ' || min(outcome) FROM cape_issue_attempts"));
    }
  }

  @Test
  void serverThatOnlyReadsIsADatabaseAway() throws Exception {
    script("echo $1 >>runs");
    try (var servers = new ServerPair(directory, false)) {
      // A worker that starts with nothing prepared, and one that finds all it needs.
      WorkerProcess early = worker("early", servers.standbyUrl(), "--lease", "10");
      workers.add(early);
      early.awaitOutput("read-only transaction (SQLSTATE 25006)");
      migrate(servers.url());
      servers.executeOnPrimary("INSERT INTO cape_issues (description) VALUES ('an issue')");
      servers.awaitOnStandby("1", "SELECT count(*) FROM cape_issues");
      WorkerProcess late = worker("late", servers.standbyUrl(), "--lease", "10");
      workers.add(late);
      late.awaitOutput("read-only transaction (SQLSTATE 25006)");
      assertStaysSo(
          () -> workers.stream().noneMatch(worker -> worker.output().contains(" ready ")));

      servers.killPrimary();
      servers.promoteStandby();
      for (WorkerProcess worker : workers) {
        worker.awaitOutput("ready");
      }
      servers.awaitOnStandby("completed", "SELECT status FROM cape_issues");

      // As a provider does with a disk that is full.
      servers.executeOnStandby("ALTER SYSTEM SET default_transaction_read_only = on");
      servers.executeOnStandby("SELECT pg_reload_conf()");
      for (WorkerProcess worker : workers) {
        await().atMost(LIMIT).until(() -> count(worker, "database unavailable") == 2);
      }
      servers.executeOnStandby("ALTER SYSTEM RESET default_transaction_read_only");
      servers.executeOnStandby("SELECT pg_reload_conf()");
      for (WorkerProcess worker : workers) {
        await().atMost(LIMIT).until(() -> count(worker, "database back") == 2);
        assertTrue(worker.isAlive(), worker.output());
      }
      assertEquals(1, runs().size());
    }
  }

  /** As a managed database does that changes roles under the connections. */
  @Test
  void primaryThatTakesNoMoreWritesIsLeftForTheNewOne() throws Exception {
    script("echo $1 >>runs");
    try (var servers = new ServerPair(directory, false)) {
      WorkerProcess worker = worker("x", servers.url(), "--lease", "10");
      workers.add(worker);
      worker.awaitOutput("ready");
      servers.awaitOnStandby(
          "1", "SELECT count(*) FROM pg_tables WHERE tablename = 'cape_workers'");
      servers.awaitOnStandby("1", "SELECT count(*) FROM cape_workers");
      servers.executeOnPrimary("ALTER SYSTEM SET default_transaction_read_only = on");
      servers.executeOnPrimary("SELECT pg_reload_conf()");
      worker.awaitOutput("database unavailable");
      servers.promoteStandby();
      servers.executeOnStandby("INSERT INTO cape_issues (description) VALUES ('an issue')");
      servers.awaitOnStandby("completed", "SELECT status FROM cape_issues");
      worker.awaitOutput("database back");
    }
  }

  private static void assertStaysSo(Callable<Boolean> condition) {
    await().during(A_WHILE).atMost(A_WHILE.plusSeconds(2)).until(condition);
  }

  private static long ended(WorkerProcess worker) {
    return count(worker, "workflow ended");
  }

  private static long count(WorkerProcess worker, String text) {
    return worker.output().lines().filter(line -> line.contains(text)).count();
  }

  private List<String> runs() throws IOException {
    Path file = directory.resolve("runs");
    return Files.exists(file) ? Files.readAllLines(file) : List.of();
  }

  private void script(String script) throws IOException {
    Path adw = directory.resolve("adw");
    Files.writeString(adw, "#!/bin/bash\n" + script + "\n");
    assertTrue(adw.toFile().setExecutable(true));
  }

  private void migrate(String url) throws Exception {
    try (var migrate =
        WorkerProcess.start(directory, Map.of("CAPE_DATABASE_URL", url), "migrate")) {
      assertEquals(0, migrate.exitCode(), migrate.output());
    }
  }

  private WorkerProcess worker(String id, String url, String... arguments) {
    return WorkerProcess.start(
        directory,
        Map.of(
            "CAPE_DATABASE_URL", url,
            "CAPE_WORKER_ID", id,
            "CAPE_ADW_COMMAND", "./adw {id} {description}",
            "CAPE_POLL_INTERVAL", "1",
            "CAPE_GRACE", "1"),
        arguments);
  }
}
