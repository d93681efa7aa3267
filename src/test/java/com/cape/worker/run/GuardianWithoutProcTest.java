package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.Processes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The guardian as it works on macOS, where there is no /proc: told of a place that is not there.
 */
@Timeout(60)
class GuardianWithoutProcTest {
  @TempDir private Path directory;

  @Test
  void everyDescendantIsEndedWhenTheLifeLineIsClosed() throws Exception {
    Process guardian =
        start(
            """
            sleep 300 & echo $!
            (sleep 301 & echo $!)
            setsid sleep 302 & echo $!
            setsid bash -c 'trap "" TERM; echo $$; while :; do sleep 0.2; done' &
            bash -c 'trap "" TERM; echo $$; while :; do sleep 0.2; done' &
            wait
            """,
            300);
    await().until(() -> pids().size() == 5);
    guardian.getOutputStream().close();
    assertEquals("exit 143", told(guardian));
    assertNobodyLives();
  }

  @Test
  void runIsEndedWhenItsDeadlineHasPassed() throws Exception {
    Process guardian = start("echo $$; sleep 300", 2);
    assertEquals("exit 143", told(guardian));
    assertNobodyLives();
  }

  @Test
  void whatIsLeftInTheGroupIsEndedAfterAGoodExit() throws Exception {
    Process guardian = start("(sleep 300 & echo $!); exit 0", 300);
    assertEquals("exit 0", told(guardian));
    assertNobodyLives();
  }

  @Test
  void whatLeftTheGroupIsEndedAfterAGoodExitAsLongAsItHasTheCookie() throws Exception {
    Process guardian = start("(setsid sleep 300 & echo $!); sleep 0.1; exit 0", 300);
    assertEquals("exit 0", told(guardian));
    assertNobodyLives();
  }

  private Process start(String script, int leaseSeconds) throws Exception {
    String text;
    try (var resource = CommandRunner.class.getResourceAsStream("guardian.pl")) {
      text = new String(resource.readAllBytes(), UTF_8);
    }
    assertTrue(text.contains("my $proc = '/proc';"));
    Process guardian =
        new ProcessBuilder(
                "/usr/bin/perl",
                "-e",
                text.replace("my $proc = '/proc';", "my $proc = '" + directory + "/none';"))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    UUID runId = UUID.randomUUID();
    long deadline = Instant.now().getEpochSecond() + leaseSeconds;
    List<String> spec =
        List.of(
            "1",
            "directory " + directory,
            "output " + Files.createFile(directory.resolve("output")),
            "variable CAPE_RUN_ID=" + runId,
            "word bash",
            "word -c",
            "word " + script,
            "");
    Files.writeString(directory.resolve("spec"), String.join("\0", spec));
    String run = "run 1 1 %d %s %s%n".formatted(deadline, runId, directory);
    guardian.getOutputStream().write(run.getBytes(UTF_8));
    guardian.getOutputStream().flush();
    return guardian;
  }

  /** What the guardian says of its run, until that is over; ends the guardian. */
  private static String told(Process guardian) throws Exception {
    List<String> lines = new ArrayList<>();
    for (var reader = guardian.inputReader(UTF_8); !lines.contains("over 1"); ) {
      lines.add(reader.readLine());
    }
    guardian.getOutputStream().close();
    // It may still write into the directory until then.
    assertTrue(guardian.waitFor(20, TimeUnit.SECONDS));
    assertTrue(lines.contains("begun"), lines::toString);
    return lines.stream().filter(line -> line.startsWith("exit ")).findFirst().orElseThrow();
  }

  /** A shell that outlives its child writes lines of its own, as "Killed". */
  private List<Long> pids() throws Exception {
    return Files.readAllLines(directory.resolve("output")).stream()
        .filter(line -> line.matches("\\d+"))
        .map(Long::valueOf)
        .toList();
  }

  private void assertNobodyLives() throws Exception {
    List<Long> pids = pids();
    assertFalse(pids.isEmpty());
    assertEquals(List.of(), pids.stream().filter(Processes::isAlive).toList());
  }
}
