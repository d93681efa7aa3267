package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.WorkerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A worker that loses under it what it runs from, as careless upgrades do it. */
@Timeout(120)
class ReplacedIT {
  @TempDir private Path directory;

  private JarFixture fixture;

  @BeforeEach
  void migrate() throws Exception {
    fixture = new JarFixture(directory, "exit 0").migrated();
  }

  @Test
  void workerClaimsNoMoreAndMakesRoomForOneThatCanStartProcesses() throws Exception {
    Path jdk = copy(Path.of(System.getProperty("java.home")), directory.resolve("jdk"));
    try (var worker = start(jdk, WorkerProcess.JAR, "--poll-interval", "600")) {
      // A turn that has looked at the JDK already would still claim.
      fixture.awaitValue(
          "t",
          """
          SELECT bool_and(state_change < now() - interval '1 second') FROM pg_stat_activity
           WHERE datname = current_database() AND query LIKE '%cape_pause_phases%'
             AND pid <> pg_backend_pid()
          """);
      Files.delete(jdk.resolve("lib/jspawnhelper"));
      fixture.insert("an issue");
      assertMakesRoom(worker, "the JDK was replaced");
    }
  }

  @Test
  void workerWhoseJarIsWrittenToEndsAfterItsRuns() throws Exception {
    Path goOn = directory.resolve("go-on");
    fixture =
        new JarFixture(directory, "until [ -e '%s' ]; do sleep 0.05; done".formatted(goOn))
            .migrated();
    Path jar = Files.copy(WorkerProcess.JAR, directory.resolve("worker.jar"));
    try (var worker = start(Path.of(System.getProperty("java.home")), jar, "--concurrency", "2")) {
      // What the first run has used the others have.
      Files.createFile(goOn);
      fixture.insert("first");
      worker.awaitOutput("issue completed");
      Files.delete(goOn);
      fixture.insert("running");
      worker.awaitOutput("issues/2/attempt-1-1.log");
      Files.write(jar, new byte[] {1});
      fixture.insert("late");
      worker.awaitOutput("the JAR was overwritten");
      Files.createFile(goOn);
      assertEquals(75, worker.exitCode(), worker.output());
    }
    assertEquals(
        "first completed 1, running completed 1, late pending 0",
        fixture.database.value(
            "SELECT string_agg(concat_ws(' ', description, status, attempts), ', ' ORDER BY id)"
                + " FROM cape_issues"));
  }

  @Test
  void jarThatIsMovedIntoPlaceIsForTheNextStart() throws Exception {
    Path jar = Files.copy(WorkerProcess.JAR, directory.resolve("worker.jar"));
    try (var worker = start(Path.of(System.getProperty("java.home")), jar)) {
      Path other = Files.write(directory.resolve("other.jar"), new byte[] {1});
      Files.move(other, jar, StandardCopyOption.ATOMIC_MOVE);
      fixture.insert("an issue");
      worker.awaitOutput("issue completed");
    }
  }

  private WorkerProcess start(Path jdk, Path jar, String... arguments) throws IOException {
    Path console = Files.createFile(directory.resolve("console"));
    Map<String, String> environment = fixture.environment(Map.of("CAPE_WORKER_ID", "upgraded"));
    var worker = WorkerProcess.startOn(jdk, jar, console, directory, environment, arguments);
    worker.awaitOutput("notifications arrive");
    return worker;
  }

  private void assertMakesRoom(WorkerProcess worker, String why) throws Exception {
    assertEquals(75, worker.exitCode(), worker.output());
    assertTrue(worker.output().contains(why), worker.output());
    assertEquals(
        "pending 0 0",
        fixture.database.value(
            "SELECT concat_ws(' ', status, attempts, (SELECT count(*) FROM cape_issue_attempts))"
                + " FROM cape_issues"));
  }

  private static Path copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from.toRealPath())) {
      for (Path file : files.filter(path -> !path.toString().contains("jmods")).toList()) {
        Path target = to.resolve(from.toRealPath().relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(target);
        } else if (Files.isReadable(file)) {
          Files.copy(file, target);
        }
      }
    }
    return to;
  }
}
