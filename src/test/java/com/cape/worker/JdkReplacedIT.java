package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.WorkerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The JAR on a JDK that goes away under it, as an upgrade of the package does it. */
@Timeout(120)
class JdkReplacedIT {
  @TempDir private Path directory;

  @Test
  void workerClaimsNoMoreAndMakesRoomForOneThatCanStartProcesses() throws Exception {
    var fixture = new JarFixture(directory, "exit 0").migrated();
    Path jdk = copy(Path.of(System.getProperty("java.home")), directory.resolve("jdk"));
    Path console = Files.createFile(directory.resolve("console"));
    Map<String, String> environment = fixture.environment(Map.of("CAPE_WORKER_ID", "upgraded"));
    try (var worker = WorkerProcess.startOn(jdk, console, directory, environment)) {
      worker.awaitOutput("notifications arrive");
      Files.delete(jdk.resolve("lib/jspawnhelper"));
      fixture.insert("an issue");
      assertEquals(75, worker.exitCode(), worker.output());
      assertTrue(worker.output().contains("the JDK was replaced"), worker.output());
    }
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
