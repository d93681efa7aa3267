package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.WorkerProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Settings that cannot be used, and secrets, through the JAR. */
@Tag("database")
@Timeout(120)
class SettingsIT {
  private static final String SECRET = "s3cr3t-Pa55";

  @TempDir private Path directory;

  @Test
  void allMistakesAreToldAtOnceEachWithItsSource() throws Exception {
    Files.writeString(directory.resolve(".env"), "CAPE_GRACE=soon\n\nCAPE_LISTEN=maybe\n");
    Map<String, String> environment =
        Map.of("CAPE_LEASE", "5", "DATABASE_URL", "postgres:/cape:" + SECRET + "@db/x");
    try (var worker =
        WorkerProcess.start(
            directory,
            environment,
            "--worker-id",
            "no spaces",
            "--max-attempts",
            "-1",
            "--command",
            "adw 'open",
            "--log-level",
            "LOUD",
            "--http",
            "8080")) {
      assertEquals(78, worker.exitCode());
      String output = worker.output();
      for (String mistake :
          List.of(
              "--worker-id 'no spaces' (option)",
              "DATABASE_URL (environment)",
              "CAPE_LEASE '5' (environment)",
              "CAPE_GRACE 'soon' (.env line 1)",
              "CAPE_LISTEN 'maybe' (.env line 3)",
              "--max-attempts '-1' (option)",
              "--command 'adw 'open' (option)",
              "--log-level 'LOUD' (option)",
              "--http '8080' (option)")) {
        assertTrue(output.contains(mistake), mistake + " in " + output);
      }
      assertFalse(output.contains("\tat "), output);
      assertFalse(output.contains(SECRET), output);
    }
    assertFalse(Files.exists(directory.resolve("logs")), "nothing is touched");
  }

  @Test
  void unknownOptionIsWrongUsage() throws Exception {
    try (var worker = WorkerProcess.start(directory, Map.of(), "--worker-name", "x")) {
      assertEquals(2, worker.exitCode());
      assertTrue(worker.output().contains("--worker-name"), worker.output());
      assertFalse(worker.output().contains("\tat "), worker.output());
    }
  }

  @Test
  void optionsBeforeASubcommandAreNotPassedOver() throws Exception {
    try (var migrate =
        WorkerProcess.start(
            directory, Map.of(), "--database-url", "postgresql://db/x", "migrate")) {
      assertEquals(2, migrate.exitCode());
      assertTrue(migrate.output().contains("options go after 'migrate'"), migrate.output());
    }
  }

  @Test
  void migrateDoesNotWaitForADatabaseThatIsAway() throws Exception {
    Map<String, String> environment =
        Map.of("CAPE_DATABASE_URL", "postgresql://u:" + SECRET + "@127.0.0.1:1/x");
    try (var migrate = WorkerProcess.start(directory, environment, "migrate")) {
      assertEquals(69, migrate.exitCode());
      assertTrue(migrate.output().contains("127.0.0.1:1 refused"), migrate.output());
      assertFalse(migrate.output().contains(SECRET), migrate.output());
    }
  }

  @Test
  void fullLogIsRotated() throws Exception {
    var fixture = new JarFixture(directory, "true");
    Files.createDirectories(directory.resolve("logs"));
    Files.write(directory.resolve("logs/worker_x.log"), new byte[11_000_000]);
    try (var worker = fixture.worker("x", "--exit-when-idle")) {
      assertEquals(0, worker.exitCode(), worker.output());
    }
    assertTrue(Files.size(directory.resolve("logs/worker_x.log.1")) >= 11_000_000);
    assertTrue(
        fixture
            .read("logs/worker_x.log")
            .matches("(?s)\\d{4}-\\d\\d-\\d\\d .* - cape_worker_x - INFO - .*"));
  }

  @Test
  void consoleOfAServiceCarriesWarningsOnly() throws Exception {
    var fixture = new JarFixture(directory, "exit 3");
    fixture.migrated();
    fixture.insert("an issue");
    Path errors = Files.createDirectories(directory.resolve("logs")).resolve("worker_x_stderr.log");
    Map<String, String> environment = fixture.environment(Map.of("CAPE_WORKER_ID", "x"));
    try (var worker = WorkerProcess.startInto(errors, directory, environment, "--exit-when-idle")) {
      assertEquals(0, worker.exitCode(), worker.output());
      assertTrue(worker.output().contains(" - WARNING - issue pending again"), worker.output());
      assertFalse(worker.output().contains(" - INFO - "), worker.output());
    }
    assertTrue(fixture.read("logs/worker_x.log").contains(" - INFO - workflow started"));
  }

  @Test
  void fullOutputOfAServiceIsCopiedAndEmptiedInPlace() throws Exception {
    var fixture = new JarFixture(directory, "exit 3").migrated();
    Path logs = Files.createDirectories(directory.resolve("logs"));
    Path errors = logs.resolve("worker_x_stderr.log");
    Files.write(errors, new byte[11_000_000]);
    var builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-jar",
                WorkerProcess.JAR.toString())
            .directory(directory.toFile())
            .redirectOutput(
                ProcessBuilder.Redirect.appendTo(logs.resolve("worker_x_stdout.log").toFile()))
            .redirectError(ProcessBuilder.Redirect.appendTo(errors.toFile()));
    builder.environment().putAll(fixture.environment(Map.of("CAPE_WORKER_ID", "x")));
    Process worker = builder.start();
    try {
      await().atMost(Duration.ofSeconds(30)).until(() -> Files.size(errors) == 0);
      assertEquals(11_000_000, Files.size(logs.resolve("worker_x_stderr.log.1")));
      fixture.insert("an issue");
      await().atMost(Duration.ofSeconds(30)).until(() -> Files.size(errors) > 0);
      assertTrue(fixture.read("logs/worker_x_stderr.log").startsWith("20"));
    } finally {
      worker.destroyForcibly().onExit().join();
    }
  }

  @Test
  void commandThatIsMissingIsNamed() throws Exception {
    var fixture = new JarFixture(directory, "true");
    try (var worker = fixture.worker("x", "--command", "no-such-adw {id}")) {
      assertEquals(78, worker.exitCode());
      assertTrue(worker.output().contains("'no-such-adw' is not on the PATH"), worker.output());
    }
    try (var worker = fixture.worker("x", "--working-dir", "nowhere")) {
      assertEquals(78, worker.exitCode());
      assertTrue(worker.output().contains("nowhere does not exist"), worker.output());
    }
  }

  @Test
  void logOrStateDirectoryThatOthersCanReplaceIsRefused() throws Exception {
    var fixture = new JarFixture(directory, "true");
    Path open = Files.createDirectory(directory.resolve("open"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    for (String option : List.of("--log-dir", "--state-dir")) {
      try (var worker = fixture.worker("x", option, "open/here", "--exit-when-idle")) {
        assertEquals(78, worker.exitCode(), worker.output());
        assertTrue(worker.output().contains("cannot use " + option), worker.output());
        assertTrue(worker.output().contains("other users can write to " + open), worker.output());
      }
    }
    assertFalse(Files.exists(open.resolve("here")));
  }

  @Test
  void logThatIsDeletedWhileTheWorkerIsIdleComesBack() throws Exception {
    var fixture = new JarFixture(directory, "true").migrated();
    Path log = directory.resolve("logs/worker_x.log");
    try (var worker = fixture.worker("x")) {
      worker.awaitOutput(" - INFO - ready");
      Files.delete(log);
      await().atMost(Duration.ofSeconds(20)).until(() -> Files.exists(log));
      worker.awaitOutput("the log file was deleted or replaced");
      assertTrue(fixture.read("logs/worker_x.log").contains(" - WARNING - the log file was"));
    }
  }

  @Test
  void stateDirectoryThatNoGuardianCanBeToldOfIsRefused() throws Exception {
    var fixture = new JarFixture(Files.createDirectory(directory.resolve("a\nb")), "true");
    try (var worker = fixture.worker("x", "--exit-when-idle")) {
      assertEquals(78, worker.exitCode(), worker.output());
      assertTrue(worker.output().contains("holds a line break"), worker.output());
    }
    assertFalse(Files.exists(fixture.directory.resolve("logs")));
  }

  @Test
  void unknownDatabaseEndsTheStart() throws Exception {
    var fixture = new JarFixture(directory, "true");
    String url = fixture.database.url().replaceAll("/[^/]*$", "/no_such_database");
    try (var worker =
        WorkerProcess.start(
            directory,
            fixture.environment(Map.of("CAPE_WORKER_ID", "x", "CAPE_DATABASE_URL", url)))) {
      assertEquals(78, worker.exitCode());
      assertTrue(worker.output().contains("no_such_database"), worker.output());
      assertTrue(worker.output().contains("CAPE_DATABASE_URL (environment)"), worker.output());
      assertFalse(worker.output().contains("\tat "), worker.output());
    }
  }

  @Test
  void roleThatMayNotAlterIsToldWhatToRun() throws Exception {
    var fixture = new JarFixture(directory, "true");
    String role = "plain_" + ProcessHandle.current().pid();
    fixture.database.execute(
        "CREATE TABLE cape_issues (id serial PRIMARY KEY, description text NOT NULL, status text DEFAULT 'pending')");
    fixture.database.execute("CREATE ROLE " + role + " LOGIN PASSWORD '" + SECRET + "'");
    try {
      String url =
          fixture.database.url().replaceFirst("//[^@]*@", "//" + role + ":" + SECRET + "@");
      Map<String, String> environment =
          fixture.environment(Map.of("CAPE_WORKER_ID", "x", "CAPE_DATABASE_URL", url));
      try (var worker = WorkerProcess.start(directory, environment)) {
        assertEquals(78, worker.exitCode(), worker.output());
        assertTrue(worker.output().contains("cape-worker migrate --print"), worker.output());
        assertFalse(worker.output().contains("\tat "), worker.output());
      }
      try (var print = WorkerProcess.start(directory, environment, "migrate", "--print")) {
        assertEquals(0, print.exitCode(), print.output());
        fixture.database.execute(print.output());
      }
      fixture.database.execute(
          "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO " + role);
      fixture.insert("an issue");
      try (var worker = WorkerProcess.start(directory, environment, "--exit-when-idle")) {
        assertEquals(0, worker.exitCode(), worker.output());
      }
      fixture.awaitValue("completed", "SELECT status FROM cape_issues");
    } finally {
      fixture.database.execute("DROP OWNED BY " + role);
      fixture.database.execute("DROP ROLE " + role);
    }
  }

  @Test
  void passwordIsNowhereToBeSeen() throws Exception {
    var fixture =
        new JarFixture(
                directory,
                "echo postgresql://cape:"
                    + SECRET
                    + "@db/x; env; cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' ' >ps; exit 3")
            .migrated();
    String url =
        fixture.database.url().replaceFirst("//([^:@]*)(:[^@]*)?@", "//$1:" + SECRET + "@");
    fixture.insert("an issue");
    Map<String, String> environment =
        fixture.environment(Map.of("CAPE_WORKER_ID", "x", "CAPE_DATABASE_URL", url));
    try (var worker =
        WorkerProcess.start(directory, environment, "--exit-when-idle", "--log-level", "DEBUG")) {
      assertEquals(0, worker.exitCode(), worker.output());
      assertFalse(worker.output().contains(SECRET), worker.output());
    }
    assertFalse(fixture.read("logs/worker_x.log").contains(SECRET));
    assertTrue(fixture.read("ps").contains("cape-worker.jar"));
    assertFalse(fixture.read("ps").contains(SECRET));
    assertTrue(
        fixture.database.value("SELECT last_error FROM cape_issues").contains("cape:****@db"));
    // The workflow's own words, which it may print; but not ours.
    assertEquals(
        1,
        fixture
            .read("logs/issues/1/attempt-1-1.log")
            .lines()
            .filter(line -> line.contains(SECRET))
            .count());
  }

  @ParameterizedTest
  @CsvSource({"--help,0", "--version,0"})
  void helpIsPrinted(String option, int exitCode) throws Exception {
    try (var worker = WorkerProcess.start(directory, Map.of(), option)) {
      assertEquals(exitCode, worker.exitCode());
      assertTrue(worker.output().contains("cape-worker"), worker.output());
    }
    try (Stream<Path> files = Files.list(directory)) {
      assertEquals(1, files.count(), "only the console's file");
    }
  }
}
