package com.cape.worker.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.Processes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
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
    assertEquals("exit 143 cut", told(guardian));
    assertNobodyLives();
  }

  @Test
  void runIsEndedWhenItsDeadlineHasPassed() throws Exception {
    Process guardian = start("echo $$; sleep 300", 2);
    assertEquals("exit 143 late", told(guardian));
    assertNobodyLives();
  }

  @Test
  void whatIsLeftInTheGroupIsEndedAfterAGoodExit() throws Exception {
    Process guardian = start("(sleep 300 & echo $!); exit 0", 300);
    assertEquals("exit 0", told(guardian));
    assertNobodyLives();
  }

  private Process start(String script, int leaseSeconds) throws Exception {
    String text;
    try (var resource = ProcessCommandRunner.class.getResourceAsStream("guardian.sh")) {
      text = new String(resource.readAllBytes(), UTF_8);
    }
    assertTrue(text.contains("proc=/proc\n"));
    Path spec = Files.writeString(directory.resolve("spec"), "\0bash\0-c\0" + script + "\0");
    return new ProcessBuilder(
            "/bin/bash",
            "-p",
            "-c",
            text.replace("proc=/proc\n", "proc=" + directory + "/none\n"),
            "cape-guardian",
            spec.toString(),
            directory.resolve("record").toString(),
            Files.createFile(directory.resolve("output")).toString(),
            "1",
            Long.toString(Instant.now().getEpochSecond() + leaseSeconds),
            "CAPE_RUN_ID=none")
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static String told(Process guardian) throws Exception {
    return new String(guardian.getInputStream().readAllBytes(), UTF_8).strip();
  }

  private List<Long> pids() throws Exception {
    return Files.readAllLines(directory.resolve("output")).stream().map(Long::valueOf).toList();
  }

  private void assertNobodyLives() throws Exception {
    List<Long> pids = pids();
    assertFalse(pids.isEmpty());
    assertEquals(List.of(), pids.stream().filter(Processes::isAlive).toList());
  }
}
