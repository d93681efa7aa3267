package com.cape.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.cli.console.DisplayText;
import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.PseudoTerminal;
import com.cape.worker.testing.WorkerProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The commands on a real pseudo-terminal. */
@Timeout(120)
class TerminalIT {
  private static final String INTERRUPT = "\u0003";

  @TempDir private Path directory;
  private JarFixture fixture;

  @BeforeEach
  void start() throws Exception {
    fixture =
        new JarFixture(
            directory, "echo \"begun $2\"; until [ -e go ]; do sleep 0.1; done; echo over");
    fixture.migrated();
  }

  @ParameterizedTest
  @ValueSource(ints = {40, 80})
  void tableFitsTheTerminalWhateverTheDescriptionsHold(int columns) throws Exception {
    fixture.insert("短い日本語の説明がとても長く続いてどこまでも終わらないのでここで切られるはずです、たぶん。".repeat(3));
    fixture.insert("🚀 launch ".repeat(40));
    fixture.insert("a\u001b[2Jb\u001b]0;title\u0007c " + "long ".repeat(100));
    try (var list = terminal(columns, Map.of(), "list")) {
      assertEquals(0, list.exitCode(), list.screen());
      List<String> lines = list.screen().lines().toList();
      assertEquals(4, lines.size(), list.screen());
      for (String line : lines.subList(1, 4)) {
        assertTrue(line.endsWith("…"), line);
        int width = DisplayText.width(line);
        // Ten for the description at the least, and it is cut as late as it can be.
        assertTrue(width <= Math.max(columns, 55) && width >= columns - 3, width + ": " + line);
      }
      assertFalse(list.screen().contains("\u001b"), list.screen());
    }
  }

  @Test
  void pipeGetsWholeLinesAndNoCodes() throws Exception {
    fixture.insert("long ".repeat(100));
    fixture.database.execute("UPDATE cape_issues SET status = 'started'");
    try (var list = jar("list");
        var status = jar("status")) {
      assertEquals(0, list.exitCode(), list.output());
      assertTrue(list.output().contains("long ".repeat(100).strip()), list.output());
      assertEquals(0, status.exitCode(), status.output());
      assertTrue(status.output().contains("\nwarning    1 started"), status.output());
    }
  }

  @Test
  void warningsCatchTheEyeUnlessNoColorIsSet() throws Exception {
    fixture.insert("x");
    try (var status = terminal(80, Map.of(), "status");
        var plain = terminal(80, Map.of("NO_COLOR", "1"), "status")) {
      assertEquals(0, status.exitCode(), status.screen());
      assertTrue(status.screen().contains("\u001b[1mwarning\u001b[0m"), status.screen());
      assertEquals(0, plain.exitCode(), plain.screen());
      assertTrue(plain.screen().contains("\nwarning    issues are due"), plain.screen());
      assertFalse(plain.screen().contains("\u001b"), plain.screen());
    }
  }

  @Test
  void watchDrawsOverWhatItDrewUntilItIsInterrupted() throws Exception {
    try (var watch = terminal(80, Map.of(), "status", "--watch")) {
      watch.awaitShown("pending    0 (0 due, 0 waiting for a retry)");
      fixture.insert("x");
      watch.awaitShown("pending    1 (1 due, 0 waiting for a retry)");
      assertTrue(watch.screen().contains("\u001b[Hpending    1"), watch.screen());
      assertTrue(watch.screen().contains("\u001b[K"), watch.screen());
      watch.type(INTERRUPT);
      assertEquals(130, watch.exitCode());
    }
    try (var piped = jar("status", "--watch")) {
      assertEquals(2, piped.exitCode());
      assertTrue(piped.output().contains("--watch draws on a terminal"), piped.output());
    }
  }

  @Test
  void manyAreChangedOnlyAfterAYes() throws Exception {
    fixture.database.execute(
        "INSERT INTO cape_issues (description, status) VALUES ('x', 'failed'), ('y', 'failed')");
    for (String no : new String[] {"\n", "n\n", "\u0004"}) {
      try (var asked = terminal(80, Map.of(), "retry", "--all", "--status", "failed")) {
        asked.awaitShown("retry 2 failed issues? [y/N] ");
        asked.type(no);
        assertEquals(1, asked.exitCode(), asked.screen());
        assertTrue(asked.screen().contains("nothing was done"), asked.screen());
      }
    }
    assertEquals(
        "2", fixture.database.value("SELECT count(*) FROM cape_issues WHERE status = 'failed'"));
    try (var asked = terminal(80, Map.of(), "retry", "--all", "--status", "failed")) {
      asked.awaitShown("[y/N] ");
      asked.type("y\n");
      assertEquals(0, asked.exitCode(), asked.screen());
      assertTrue(asked.screen().contains("issue 2 is pending"), asked.screen());
    }
  }

  @Test
  void waitTellsHowItGoesOnOneLine() throws Exception {
    try (WorkerProcess worker = fixture.worker("w");
        var submit = terminal(60, Map.of(), "submit", "an issue", "--wait")) {
      submit.awaitShown("\rissue 1: attempt 1 on w, ");
      submit.awaitShown(": begun an issue\u001b[K");
      Files.createFile(directory.resolve("go"));
      assertEquals(0, submit.exitCode(), submit.screen());
      assertTrue(
          submit.screen().contains("\r\u001b[Kcape-worker: issue 1 is completed"), submit.screen());
      for (String drawn : submit.screen().split("[\r\n]")) {
        assertTrue(DisplayText.width(drawn.replace("\u001b[K", "")) < 60, drawn);
      }
      worker.signal("TERM");
      assertEquals(0, worker.exitCode());
    }
  }

  @Test
  void followShowsTheOutputAsItComesAndEndsWithTheOutcome() throws Exception {
    try (WorkerProcess worker = fixture.worker("w", "--max-attempts", "1");
        var submit = terminal(80, Map.of(), "submit", "an issue", "--follow")) {
      submit.awaitShown("begun an issue");
      assertFalse(submit.screen().contains("over"), submit.screen());
      try (var logs = terminal(80, Map.of(), "logs", "1", "-f")) {
        logs.awaitShown("begun an issue");
        Files.createFile(directory.resolve("go"));
        assertEquals(0, logs.exitCode(), logs.screen());
        assertTrue(logs.screen().endsWith("over\r\n"), logs.screen());
      }
      assertEquals(0, submit.exitCode(), submit.screen());
      assertTrue(submit.screen().contains("over\r\n"), submit.screen());
      worker.signal("TERM");
      assertEquals(0, worker.exitCode());
    }
  }

  private PseudoTerminal terminal(int columns, Map<String, String> own, String... arguments) {
    Map<String, String> environment = new HashMap<>(fixture.environment(Map.of()));
    environment.putAll(own);
    return PseudoTerminal.start(directory, columns, environment, arguments);
  }

  private WorkerProcess jar(String... arguments) {
    return WorkerProcess.start(directory, fixture.environment(Map.of()), arguments);
  }
}
