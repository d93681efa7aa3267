package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.WorkerProcess;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A server of its own, because it is stopped. */
@Execution(ExecutionMode.CONCURRENT)
@Timeout(180)
class OutageIT {
  private static final Duration OUTAGE = Duration.ofSeconds(10);
  private static final int LEASE_SECONDS = 15;
  private static final Duration SHORT_OUTAGE = Duration.ofSeconds(LEASE_SECONDS / 3);
  private static final Duration RECOVERY = Duration.ofSeconds(20);

  @TempDir private Path directory;

  @Test
  void workersOutliveAStoppedDatabaseAtStartIdleAndInTheMiddleOfARun() throws Exception {
    Path data = directory.resolve("data");
    List<WorkerProcess> workers = new ArrayList<>();
    EmbeddedPostgres server = server(data, 0);
    int port = server.getPort();
    try {
      script("busy-adw", "touch started; until [ -e go ]; do sleep 0.05; done");
      script("adw", "true");
      WorkerProcess busy = worker(port, "busy", "./busy-adw");
      workers.add(busy);
      // Their heartbeats notice the outage with the notifications, and not after it.
      busy.awaitOutput("notifications arrive");
      execute(server, "INSERT INTO cape_issues (description) VALUES ('while it runs')");
      await().atMost(RECOVERY).until(() -> Files.exists(directory.resolve("started")));
      WorkerProcess idle = worker(port, "idle", "./adw");
      workers.add(idle);
      idle.awaitOutput("notifications arrive");

      server.close();
      WorkerProcess late = worker(port, "late", "./adw");
      workers.add(late);
      Files.createFile(directory.resolve("go"));
      busy.awaitOutput("workflow ended");
      for (WorkerProcess worker : workers) {
        worker.awaitOutput("database unavailable");
      }
      holds(OUTAGE, () -> workers.stream().allMatch(OutageIT::waits));

      server = server(data, port);
      EmbeddedPostgres back = server;
      await()
          .atMost(RECOVERY)
          .until(
              () -> value(back, "SELECT status FROM cape_issues WHERE id = 1"),
              "completed"::equals);
      late.awaitOutput("ready");
      execute(
          server,
          "INSERT INTO cape_issues (description) SELECT 'after' FROM generate_series(1, 20)");
      await()
          .atMost(RECOVERY)
          .until(
              () -> value(back, "SELECT count(*) FROM cape_issues WHERE status = 'completed'"),
              "21"::equals);
      for (WorkerProcess worker : workers) {
        worker.awaitOutput("database back");
        assertTrue(waits(worker), worker.output());
        worker.signal("TERM");
        assertEquals(0, worker.exitCode(), worker.output());
      }
    } finally {
      for (WorkerProcess worker : workers) {
        worker.close();
      }
      server.close();
    }
  }

  /** The lease is a twentieth of the default one: so many seconds stand for minutes. */
  @Test
  void outageShorterThanTheLeaseStopsNoRunAndALongerOneNoneTwice() throws Exception {
    Path data = directory.resolve("data");
    List<WorkerProcess> workers = new ArrayList<>();
    EmbeddedPostgres server = server(data, 0);
    int port = server.getPort();
    try {
      script(
          "adw",
          "exec 9>>lock-$1; flock -n 9 || echo $1 >>overlaps; echo $1 >>runs;"
              + " until [ -e go-$2 ]; do sleep 0.1 9>&-; done");
      for (int i = 1; i <= 5; i++) {
        workers.add(worker(port, "w" + i, "./adw", "--lease", "" + LEASE_SECONDS, "--grace", "1"));
      }
      workers.get(0).awaitOutput("ready");
      submit(server, "short", 5);
      server.close();
      holds(
          SHORT_OUTAGE,
          () -> workers.stream().noneMatch(worker -> worker.output().contains("workflow ended")));
      Files.createFile(directory.resolve("go-short"));
      server = server(data, port);
      awaitDone(server, 5);
      assertEquals("5", value(server, "SELECT count(*) FROM cape_issue_attempts"));

      submit(server, "long", 10);
      server.close();
      for (WorkerProcess worker : workers) {
        worker.awaitOutput("stopped=lease_lost");
      }
      holds(OUTAGE, () -> runs() == 10);
      server = server(data, port);
      Files.createFile(directory.resolve("go-long"));
      awaitDone(server, 10);
      assertEquals(
          "5",
          value(server, "SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'interrupted'"));
      assertTrue(Files.notExists(directory.resolve("overlaps")));
    } finally {
      for (WorkerProcess worker : workers) {
        worker.close();
      }
      server.close();
    }
  }

  /** Five issues, all of which run. */
  private void submit(EmbeddedPostgres server, String description, int runs) throws Exception {
    execute(
        server,
        "INSERT INTO cape_issues (description) SELECT '%s' FROM generate_series(1, 5)"
            .formatted(description));
    await().atMost(RECOVERY).until(() -> runs() == runs);
  }

  private int runs() throws IOException {
    Path started = directory.resolve("runs");
    return Files.exists(started) ? Files.readAllLines(started).size() : 0;
  }

  /** Sees to it that something stays so for as long as that. */
  private static void holds(Duration time, Callable<Boolean> condition) {
    await().during(time).atMost(time.plus(RECOVERY)).until(condition);
  }

  /** Whether a worker lives, and has told of the outage once. */
  private static boolean waits(WorkerProcess worker) {
    return worker.isAlive()
        && worker.output().lines().filter(line -> line.contains("database unavailable")).count()
            == 1;
  }

  private static void awaitDone(EmbeddedPostgres server, int issues) {
    String statuses =
        "SELECT string_agg(status || ' ' || n, ', ' ORDER BY status)"
            + " FROM (SELECT status, count(*) AS n FROM cape_issues GROUP BY status) AS s";
    await()
        .atMost(RECOVERY.multipliedBy(2))
        .until(() -> value(server, statuses), ("completed " + issues)::equals);
  }

  private static EmbeddedPostgres server(Path data, int port) throws IOException {
    return EmbeddedPostgres.builder()
        .setDataDirectory(data)
        .setCleanDataDirectory(false)
        .setLocaleConfig("locale", "C")
        .setPort(port)
        .start();
  }

  private WorkerProcess worker(int port, String id, String command, String... arguments) {
    return WorkerProcess.start(
        directory,
        Map.of(
            "CAPE_DATABASE_URL",
            "postgresql://postgres:postgres@127.0.0.1:" + port + "/postgres",
            "CAPE_WORKER_ID",
            id,
            "CAPE_ADW_COMMAND",
            command + " {id} {description}",
            "CAPE_POLL_INTERVAL",
            "1",
            "CAPE_MAX_ATTEMPTS",
            "1"),
        arguments);
  }

  private void script(String name, String script) throws IOException {
    Path file = directory.resolve(name);
    Files.writeString(file, "#!/bin/bash\n" + script + "\n");
    assertTrue(file.toFile().setExecutable(true));
  }

  private static void execute(EmbeddedPostgres server, String sql) throws Exception {
    try (Connection connection = server.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private static String value(EmbeddedPostgres server, String sql) throws Exception {
    try (Connection connection = server.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      return rows.next() ? rows.getString(1) : "";
    }
  }
}
