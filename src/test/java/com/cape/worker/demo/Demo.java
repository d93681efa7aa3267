package com.cape.worker.demo;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What {@code scripts/demo.sh} runs: a PostgreSQL, some issues, and the real JAR. */
final class Demo {
  private static final List<String> ISSUES =
      List.of(
          "Add a --version option",
          "Fix the flaky login test",
          "Rewrite the slow importer in one go");
  private static final Path JAR = Path.of("target", "cape-worker.jar").toAbsolutePath();
  private static final Path LOGS = Path.of("logs", "demo").toAbsolutePath();
  private static final String WORKER = "demo";
  private static final long LIMIT_SECONDS = 120;

  private Demo() {}

  public static void main(String[] issues) throws Exception {
    forgetEarlierDemo();
    System.out.println("demo: starting a PostgreSQL");
    try (EmbeddedPostgres server =
            EmbeddedPostgres.builder().setLocaleConfig("locale", "C").start();
        Connection connection = server.getPostgresDatabase().getConnection()) {
      String url =
          "postgresql://postgres:postgres@127.0.0.1:%d/postgres".formatted(server.getPort());
      run(url, "migrate");
      for (String issue : issues.length > 0 ? List.of(issues) : ISSUES) {
        submit(connection, issue);
      }
      System.out.println("demo: starting the worker; these are its lines");
      System.out.println();
      Process worker = worker(url);
      Runtime.getRuntime().addShutdownHook(new Thread(worker::destroy));
      boolean done = awaitNonePending(connection, worker);
      worker.destroy();
      worker.waitFor();
      System.out.println();
      show(connection);
      System.out.println();
      System.out.println("What the workflows printed: " + LOGS.resolve("issues"));
      System.out.println("The worker's log:           " + LOGS.resolve("worker_demo.log"));
      if (!done) {
        System.err.println("demo: some issues are still pending after " + LIMIT_SECONDS + " s");
        System.exit(1);
      }
    }
  }

  private static void forgetEarlierDemo() throws IOException {
    if (Files.exists(LOGS)) {
      try (Stream<Path> files = Files.walk(LOGS)) {
        for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.delete(file);
        }
      }
    }
    Files.createDirectories(LOGS);
  }

  private static void submit(Connection connection, String issue) throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement("INSERT INTO cape_issues (description) VALUES (?)")) {
      statement.setString(1, issue);
      statement.executeUpdate();
    }
  }

  private static void run(String url, String command) throws IOException, InterruptedException {
    int exitCode = jar(url, List.of(command)).start().waitFor();
    if (exitCode != 0) {
      throw new IllegalStateException("'" + command + "' exited with " + exitCode);
    }
  }

  private static Process worker(String url) throws IOException {
    return jar(
            url,
            List.of(
                "--worker-id", WORKER,
                "--command",
                    Path.of("examples", "cape-adw").toAbsolutePath() + " {id} {description}",
                "--log-dir", LOGS.toString(),
                "--poll-interval", "1",
                "--workflow-timeout", "3",
                "--max-attempts", "2",
                "--retry-delay", "1",
                "--retry-max-delay", "1",
                "--grace", "1"))
        .start();
  }

  private static ProcessBuilder jar(String url, List<String> arguments) {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    List<String> command = new ArrayList<>(List.of(java, "-jar", JAR.toString()));
    command.addAll(arguments);
    command.addAll(List.of("--env-file", "/dev/null"));
    var builder = new ProcessBuilder(command).inheritIO();
    builder.environment().keySet().removeIf(name -> name.startsWith("CAPE_"));
    builder.environment().putAll(Map.of("CAPE_DATABASE_URL", url));
    return builder;
  }

  private static boolean awaitNonePending(Connection connection, Process worker)
      throws SQLException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
    while (System.nanoTime() < end) {
      if (unfinished(connection) == 0) {
        return true;
      }
      if (worker.waitFor(200, TimeUnit.MILLISECONDS)) {
        return false;
      }
    }
    return false;
  }

  private static int unfinished(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT count(*) FROM cape_issues WHERE status IN ('pending', 'started')")) {
      rows.next();
      return rows.getInt(1);
    }
  }

  private static void show(Connection connection) throws SQLException {
    System.out.println(" id  status     attempts  endings                description");
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery(
                """
                SELECT i.id, i.status, i.attempts, left(i.description, 60) AS description,
                       array(SELECT a.outcome FROM cape_issue_attempts a
                              WHERE a.issue_id = i.id ORDER BY a.fence) AS outcomes
                  FROM cape_issues i ORDER BY i.id
                """)) {
      while (rows.next()) {
        String endings =
            Arrays.stream((String[]) rows.getArray("outcomes").getArray())
                .collect(Collectors.joining(", "));
        System.out.printf(
            "%3d  %-9s  %8d  %-21s  %s%n",
            rows.getLong("id"),
            rows.getString("status"),
            rows.getInt("attempts"),
            endings,
            rows.getString("description").replaceAll("\\s+", " "));
      }
    }
  }
}
