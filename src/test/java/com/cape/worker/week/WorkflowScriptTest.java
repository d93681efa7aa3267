package com.cape.worker.week;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The week's workflow, run as a program, and what the ledger says of it. */
class WorkflowScriptTest {
  private static final double MINUTE_SECONDS = 0.01;
  private static final double ISSUE_MINUTES = 30;

  @TempDir private Path folder;
  private Ledger ledger;
  private SimulatedTime time;

  @BeforeEach
  void prepare() throws Exception {
    ledger = new Ledger(folder.resolve("runs"));
    time = SimulatedTime.startingNow(60 / MINUTE_SECONDS);
  }

  @Test
  void withoutAFaultItWorksForItsTimeAndSucceeds() throws Exception {
    assertEquals(0, run("known", "codex", ""));

    Run run = onlyRun();
    assertEquals(Run.Ending.OK, run.ending());
    assertEquals(ISSUE_MINUTES, run.paid(), 20);
  }

  @Test
  void limitAtTheStartIsSaidAsClaudeSaysIt() throws Exception {
    assertEquals(1, run("known", "claude-stream", fault("limit", -10, 1000, "known", "-")));

    Run run = onlyRun();
    assertEquals(Run.Ending.START, run.ending());
    assertEquals("limit", run.fault());
    assertTrue(output().contains("\"status\":\"rejected\",\"resetsAt\":"), output());
    assertTrue(output().contains("\"is_error\":true"), output());
  }

  @Test
  void faultThatBeginsInMidRunCutsItOff() throws Exception {
    // A start of Perl takes less than this.
    time = SimulatedTime.startingNow(60 / MINUTE_SECONDS / 10);

    assertEquals(1, run("unknown", "claude-text", fault("outage", 20, 60, "unknown", "-")));

    Run run = onlyRun();
    assertEquals(Run.Ending.MIDRUN, run.ending());
    assertEquals(20, run.begin() + run.paid(), 1);
    assertEquals("E4711 upstream said no\n", output());
  }

  @Test
  void brokenHostFailsItAtItsEndAndOnThatHostOnly() throws Exception {
    assertEquals(1, run("known", "codex", fault("git", -10, 1000, "unknown", "here")));
    assertEquals(Run.Ending.FINAL, onlyRun().ending());
    assertTrue(output().contains("fatal: could not read Username for"), output());

    assertEquals(0, run("known", "codex", fault("git", -10, 1000, "unknown", "elsewhere")));
  }

  private int run(String wordings, String tool, String fault) throws Exception {
    double minute = 60 / time.scale();
    Files.write(
        folder.resolve("plan"),
        List.of(
            "minute " + minute,
            "wordings " + wordings,
            "issue 1 %s %s".formatted(ISSUE_MINUTES, tool),
            fault.isEmpty() ? "issue 2 1 codex" : fault));
    Path script = Path.of(WorkflowScriptTest.class.getResource("/week/workflow.pl").toURI());
    var builder = new ProcessBuilder("perl", script.toString(), "1").redirectErrorStream(true);
    builder.redirectOutput(folder.resolve("output").toFile());
    builder.environment().put("WEEK_DIR", folder.toString());
    builder.environment().put("WEEK_HOST", "here");
    Process process = builder.start();
    assertTrue(process.waitFor(30, TimeUnit.SECONDS));
    return process.exitValue();
  }

  private String fault(String kind, double from, double until, String reset, String host) {
    return String.format(
        Locale.ROOT,
        "fault %s %.3f %.3f %s %s",
        kind,
        time.epochSeconds(from),
        time.epochSeconds(until),
        reset,
        host);
  }

  private Run onlyRun() throws Exception {
    List<Run> runs = ledger.runs(time);
    assertEquals(1, runs.size());
    return runs.get(0);
  }

  private String output() throws Exception {
    return Files.readString(folder.resolve("output"));
  }
}
