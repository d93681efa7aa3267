package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.WorkerProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the daemon costs before it does anything. */
@Tag("database")
@Timeout(120)
class FootprintIT {
  private static final long MOST_JAR_BYTES = 12_000_000;
  private static final long MOST_RESIDENT_KIB = 120 * 1024;
  // Many times what it takes: it is not to wait for anything, however busy the machine is.
  private static final Duration LONGEST_START = Duration.ofSeconds(15);
  private static final Duration MOST_PROCESSOR_TIME = Duration.ofSeconds(3);

  @TempDir private Path directory;

  @Test
  void jarIsSmall() throws Exception {
    assertTrue(
        Files.size(WorkerProcess.JAR) < MOST_JAR_BYTES, Files.size(WorkerProcess.JAR) + " bytes");
  }

  @Test
  void firstClaimCostsLittleTimeAndLittleMemoryIsHeld() throws Exception {
    var fixture = new JarFixture(directory, "true").migrated();
    fixture.insert("an issue");
    Instant start = Instant.now();
    try (var worker = fixture.worker("light")) {
      fixture.awaitValue("1", "SELECT count(*) FROM cape_issue_attempts");
      // The processor's time, which what else runs here does not add to.
      Duration toClaim =
          ProcessHandle.of(worker.pid()).orElseThrow().info().totalCpuDuration().orElseThrow();
      Duration waited = Duration.between(start, Instant.now());
      fixture.awaitValue("completed", "SELECT status FROM cape_issues");
      long residentKib =
          Files.readString(Path.of("/proc", Long.toString(worker.pid()), "status"))
              .lines()
              .filter(line -> line.startsWith("VmRSS:"))
              .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
              .findFirst()
              .orElseThrow();
      System.out.printf(
          "start to first claim: %d ms of the processor's time; resident when idle: %d MiB; JAR: %d bytes%n",
          toClaim.toMillis(), residentKib / 1024, Files.size(WorkerProcess.JAR));
      assertTrue(toClaim.compareTo(MOST_PROCESSOR_TIME) < 0, toClaim.toString());
      assertTrue(waited.compareTo(LONGEST_START) < 0, waited.toString());
      assertTrue(residentKib < MOST_RESIDENT_KIB, residentKib + " KiB");
    }
  }
}
