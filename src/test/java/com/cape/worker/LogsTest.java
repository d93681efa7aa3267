package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("database")
@Timeout(60)
class LogsTest {
  private final OperatorFixture fixture = new OperatorFixture();
  @TempDir private Path directory;
  private Path log;

  @BeforeEach
  void anAttemptThatHasEnded() throws IOException {
    log = Files.createDirectories(directory.resolve("issues/1")).resolve("attempt-1-1.log");
    fixture.issues("('x', 'pending'), ('never tried', 'pending')");
    fixture.running(1, "w");
    fixture.database.execute(
        """
        UPDATE cape_issue_attempts SET outcome = 'failed', output_tail = E'kept \\x1b[1mend\\n',
               finished_at = now()
        """);
  }

  @Test
  void otherHostsOutputIsItsKeptEnd() {
    var ran = fixture.run("logs", "1");
    assertEquals(0, ran.exitCode(), ran.err());
    assertEquals("kept end\n", ran.out());
    assertTrue(
        ran.err()
            .contains("attempt 1 ran on there; /nowhere/attempt.log lies there; here is the end"),
        ran.err());
  }

  @Test
  void fileOnThisHostIsPrintedWholeAndHarmless() throws IOException {
    here();
    Files.writeString(
        log,
        "\u001b[31mred\u001b[0m\r\nbar 1\rbar 2\n\u0000nul\npostgresql://u:s3cr3t@h/d\nno end 🚀");
    assertEquals(
        "red\nbar 1\nbar 2\nnul\npostgresql://u:****@h/d\nno end 🚀",
        fixture.run("logs", "1").out());
    assertEquals("", fixture.run("logs", "1").err());
  }

  @Test
  void megabytesOnALineCutNoCharacter() throws IOException {
    here();
    Files.writeString(log, "日".repeat(700_000));
    assertEquals("日".repeat(700_000), fixture.run("logs", "1").out());
    Files.write(log, "\u001b]0;title".repeat(10_000).getBytes(StandardCharsets.UTF_8));
    assertFalse(fixture.run("logs", "1").out().contains("\u001b"));
  }

  @Test
  void fileThatIsGoneLeavesItsKeptEnd() {
    here();
    var ran = fixture.run("logs", "1", "-f");
    assertEquals("kept end\n", ran.out());
    assertTrue(
        ran.err().contains("is gone, is not the file of this attempt, or cannot"), ran.err());
  }

  @ParameterizedTest
  @ValueSource(strings = {"/dev/zero", "/proc/self", "relative", ""})
  void whatIsNoFileLeavesTheKeptEnd(String file) {
    log = Path.of(file);
    here();
    assertEquals("kept end\n", fixture.run("logs", "1").out());
  }

  @Test
  void fileThatIsNotTheAttemptsOwnIsNotPrinted() throws IOException {
    Path secret = Files.writeString(directory.resolve("secret"), "s3cr3t");
    Path other = Files.writeString(log.resolveSibling("attempt-1-2.log"), "s3cr3t");
    Path own = Files.createSymbolicLink(log, secret);
    for (Path edited : new Path[] {secret, other, own}) {
      log = edited;
      here();
      var ran = fixture.run("logs", "1");
      assertEquals("kept end\n", ran.out(), edited.toString());
      assertTrue(ran.err().contains("is not the file of this attempt"), ran.err());
    }
  }

  @Test
  void pipeInItsPlaceBlocksNobody() throws Exception {
    assertEquals(0, new ProcessBuilder("mkfifo", log.toString()).start().waitFor());
    here();
    assertEquals("kept end\n", fixture.run("logs", "1").out());
  }

  @Test
  void anyAttemptCanBeAskedFor() {
    fixture.running(1, "w2");
    var ran = fixture.run("logs", "1");
    assertEquals(1, ran.exitCode());
    assertTrue(ran.err().contains("attempt 2 runs on there; its output is in /nowhere"), ran.err());
    assertEquals("kept end\n", fixture.run("logs", "1", "--attempt", "1").out());
    var missing = fixture.run("logs", "1", "--attempt", "7");
    assertEquals(1, missing.exitCode());
    assertTrue(
        missing.err().contains("issue 1 has no attempt 7; 'show 1' lists them"), missing.err());
  }

  @Test
  void issueThatWasNeverTriedOrIsNotThereIsRefused() {
    var never = fixture.run("logs", "2");
    assertEquals(1, never.exitCode());
    assertTrue(never.err().contains("issue 2 has not run yet"), never.err());
    for (String follow : new String[] {"--attempt=1", "-f"}) {
      var none = fixture.run("logs", "9", follow);
      assertEquals(1, none.exitCode());
      assertTrue(none.err().contains("there is no issue 9"), none.err());
    }
  }

  private void here() {
    String host;
    try {
      host = Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    } catch (IOException e) {
      host = "unknown";
    }
    fixture.database.execute(
        "UPDATE cape_issue_attempts SET host = '%s', log_file = '%s'".formatted(host, log));
  }
}
