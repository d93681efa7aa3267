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
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * A worker with nothing to do, on a server of its own that logs each statement and is restarted.
 */
@Execution(ExecutionMode.CONCURRENT)
@Timeout(240)
class IdleIT {
  private static final Duration MEASURED = Duration.ofSeconds(40);
  private static final double MOST_A_SECOND = 0.4;

  @TempDir private Path directory;

  @Test
  void idleWorkerAsksLessThanTwiceInFiveSeconds() throws Exception {
    try (EmbeddedPostgres server = server(0);
        WorkerProcess worker = worker(server)) {
      worker.awaitOutput("notifications arrive");
      // The first beats and looks are over.
      await().pollDelay(Duration.ofSeconds(3)).until(() -> true);
      int before = statements().size();
      await().pollDelay(MEASURED).atMost(MEASURED.multipliedBy(2)).until(() -> worker.isAlive());
      List<String> asked = statements().subList(before, statements().size());
      assertTrue(
          asked.size() >= 5 && asked.size() <= MOST_A_SECOND * MEASURED.toSeconds(),
          asked.size() + " in " + MEASURED.toSeconds() + " s\n" + String.join("\n", asked));
    }
  }

  @Test
  void workerListensAgainAfterTheServerWasRestarted() throws Exception {
    EmbeddedPostgres server = server(0);
    try (WorkerProcess worker = worker(server, "--poll-interval", "600")) {
      worker.awaitOutput("notifications arrive");
      server.close();
      worker.awaitOutput("no notifications; polling until they arrive");
      server = server(server.getPort());
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> worker.output().split("notifications arrive\\R", -1).length == 3);
      try (Connection connection = server.getPostgresDatabase().getConnection();
          Statement statement = connection.createStatement()) {
        statement.execute("INSERT INTO cape_issues (description) VALUES ('an issue')");
      }
      await()
          // It polls every ten minutes.
          .atMost(Duration.ofSeconds(10))
          .until(() -> worker.output().contains("issue completed"));
      worker.signal("TERM");
      assertEquals(0, worker.exitCode(), worker.output());
    } finally {
      server.close();
    }
  }

  private List<String> statements() throws IOException {
    return Files.readAllLines(directory.resolve("server.log")).stream()
        .filter(line -> line.contains("cape-worker idle:"))
        .filter(line -> line.contains("execute ") || line.contains("statement: "))
        // A claim is one transaction, with what orders its plan and why there was none.
        .filter(line -> !line.contains("set_config('enable_sort'"))
        .filter(line -> !line.contains("extract(epoch FROM i.run_after - now())"))
        .toList();
  }

  private EmbeddedPostgres server(int port) throws IOException {
    return EmbeddedPostgres.builder()
        .setDataDirectory(directory.resolve("data"))
        .setCleanDataDirectory(false)
        .setLocaleConfig("locale", "C")
        .setPort(port)
        .setServerConfig("log_statement", "all")
        .setServerConfig("log_line_prefix", "%a:")
        .setErrorRedirector(
            ProcessBuilder.Redirect.appendTo(directory.resolve("server.log").toFile()))
        .setOutputRedirector(
            ProcessBuilder.Redirect.appendTo(directory.resolve("server.log").toFile()))
        .start();
  }

  private WorkerProcess worker(EmbeddedPostgres server, String... arguments) {
    return WorkerProcess.start(
        directory,
        Map.of(
            "CAPE_DATABASE_URL",
            "postgresql://postgres:postgres@127.0.0.1:" + server.getPort() + "/postgres",
            "CAPE_WORKER_ID",
            "idle",
            "CAPE_ADW_COMMAND",
            "true"),
        arguments);
  }
}
