package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.WorkerProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the JAR does about ends that are not the issue's fault. */
@Execution(ExecutionMode.CONCURRENT)
@Timeout(180)
class EndingIT {
  // Each run notes itself, and prints and exits as the file "trouble" says, if there is one.
  private static final String WORKFLOW =
      """
      echo "$1 $CAPE_WORKER_ID" >>ran
      [ ! -e trouble ] || { . ./trouble; exit 1; }
      """;

  @TempDir private Path directory;
  private JarFixture fixture;

  @BeforeEach
  void start() throws Exception {
    fixture = new JarFixture(directory, WORKFLOW).migrated();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "none",
      value = {
        // what it prints | outcome | status | attempts | seconds to the next attempt | pause
        "5-hour limit reached ∙ resets 2am | throttled | pending | 0 | none | account:default limit",
        "You've hit your usage limit. Upgrade to Pro or try again later. | throttled | pending | 0 | 900 | account:default limit",
        "API Error: Repeated 529 Overloaded errors | overloaded | pending | 0 | 60 | none",
        "Credit balance is too low | refused | pending | 0 | none | account:default spend",
        "fatal: could not read Username for 'https://github.com': No such device or address | refused | pending | 0 | none | w login",
        "the tests fail | failed | pending | 1 | 15 | none",
        "the agent wrote: You've hit your usage limit. It is a quote. | failed | pending | 1 | 15 | none",
      })
  void eachClassHasItsEffects(
      String line, String outcome, String status, String attempts, Long wait, String pause)
      throws Exception {
    trouble("cat <<'END'\n" + line + "\nEND");
    fixture.insert("meets it");
    try (WorkerProcess worker = fixture.worker("w")) {
      fixture.awaitValue(
          outcome,
          "SELECT coalesce((SELECT outcome FROM cape_issue_attempts ORDER BY id LIMIT 1), '')");
      worker.signal("KILL");
      worker.exitCode();
    }
    assertEquals(
        attempts + " true",
        fixture.database.value(
            "SELECT attempts || ' ' || (last_error LIKE 'attempt 1 "
                + outcome
                + ": exit 1 after % s%') FROM cape_issues"));
    assertEquals(status, fixture.database.value("SELECT status FROM cape_issues"));
    if (wait != null) {
      assertEquals(
          "t",
          fixture.database.value(
              "SELECT extract(epoch FROM run_after - now()) BETWEEN %1$d * 0.7 AND %1$d * 1.2 FROM cape_issues"
                  .formatted(wait)));
    }
    assertEquals(
        pause == null ? "" : pause,
        fixture.database.value(
            "SELECT coalesce((SELECT scope || ' ' || kind FROM cape_pauses), '')"));
  }

  @Test
  void limitWithAKnownEndHoldsItsAccountAloneAndResumeEndsIt() throws Exception {
    long end = Instant.now().plus(Duration.ofHours(2)).getEpochSecond();
    trouble(
        """
        echo '{"type":"system","subtype":"init"}'
        echo '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":%d}}'
        echo '{"type":"result","subtype":"success","is_error":true,"result":"You have hit your session limit"}'
        """
            .formatted(end));
    fixture.insert("meets the limit");
    fixture.insert("waits");
    try (WorkerProcess one = fixture.worker("one")) {
      fixture.awaitValue("1", "SELECT count(*) FROM cape_pauses");
      WorkerProcess two = fixture.worker("two");
      two.awaitOutput("paused: no claims");
      assertEquals(
          "t",
          fixture.database.value(
              "SELECT abs(extract(epoch FROM paused_until) - %d) < 3 FROM cape_pauses"
                  .formatted(end)));
      Files.delete(directory.resolve("trouble"));
      String ran = fixture.read("ran");
      String show = fixture.run("show", "2");
      assertTrue(show.contains("waiting    account default is paused until "), show);
      assertTrue(fixture.run("status").contains("account default until "));
      try (WorkerProcess other = fixture.worker("other", "--account", "another")) {
        fixture.awaitValue("completed", "SELECT status FROM cape_issues WHERE id = 2");
        assertEquals(ran + "2 other\n", fixture.read("ran"));
        other.signal("TERM");
        other.exitCode();
      }
      fixture.insert("after the end");
      assertTrue(
          fixture.run("resume", "--account", "default").contains("account default is resumed"));
      fixture.awaitValue("completed", "SELECT status FROM cape_issues WHERE id = 3");
      one.signal("TERM");
      two.signal("TERM");
      one.exitCode();
      two.exitCode();
    }
  }

  @Test
  void limitOfFiveHoursWithoutAKnownEndIsProbedAFewTimes() throws Exception {
    fixture.database.execute(
        "INSERT INTO cape_issues (description) SELECT 'waits' FROM generate_series(1, 20)");
    // Ten minutes are a second.
    Map<String, String> settings =
        Map.of("CAPE_WORKER_ID", "w", "JAVA_TOOL_OPTIONS", "-Dcape.time.scale=600");
    trouble("echo \"You've hit your usage limit. Upgrade to Pro or try again later.\"");
    long beganNanos = System.nanoTime();
    try (WorkerProcess worker = WorkerProcess.start(directory, fixture.environment(settings))) {
      fixture.awaitValue("t", "SELECT count(*) > 0 FROM cape_pauses");
      await()
          .atMost(Duration.ofSeconds(60))
          .until(() -> System.nanoTime() - beganNanos > Duration.ofSeconds(30).toNanos());
      Files.delete(directory.resolve("trouble"));
      long probes = fixture.read("ran").lines().count() - 1;
      long endNanos = System.nanoTime();
      fixture.awaitValue("t", "SELECT count(*) > 0 FROM cape_issues WHERE status = 'completed'");
      Duration after = Duration.ofNanos(System.nanoTime() - endNanos);
      System.out.printf("probes in five hours: %d, first success after %s%n", probes, after);
      assertTrue(probes <= 8, probes + " probes");
      // A quarter of an hour is 1.5 s; beside other tests a start takes as long.
      assertTrue(after.compareTo(Duration.ofSeconds(10)) < 0, after.toString());
      fixture.awaitValue("20", "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
      worker.signal("TERM");
      worker.exitCode();
    }
    assertEquals("20", fixture.database.value("SELECT sum(attempts) FROM cape_issues"));
  }

  @Test
  void workerWhoseCommandFailsAtOnceRestsAndTheOthersFinishTheQueue() throws Exception {
    Files.writeString(
        directory.resolve("adw"),
        "#!/bin/bash\necho \"$1 $CAPE_WORKER_ID\" >>ran\n[ \"$CAPE_WORKER_ID\" != bad ] || exit 3\nsleep 0.2\n");
    fixture.database.execute(
        "INSERT INTO cape_issues (description) SELECT 'one of many' FROM generate_series(1, 40)");
    try (WorkerProcess bad = fixture.worker("bad", "--retry-delay", "1");
        WorkerProcess good = fixture.worker("good", "--retry-delay", "1")) {
      bad.awaitOutput("worker bad rests");
      fixture.awaitValue("40", "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
      assertEquals(
          "t",
          fixture.database.value(
              "SELECT count(*) BETWEEN 1 AND 5 FROM cape_issue_attempts WHERE worker_id = 'bad'"));
      bad.signal("TERM");
      good.signal("TERM");
      bad.exitCode();
      good.exitCode();
    }
  }

  @Test
  void onePoisonIssueTripsNoBreaker() throws Exception {
    Files.writeString(directory.resolve("adw"), "#!/bin/bash\n[ \"$1\" != 1 ] || exit 3\n");
    fixture.insert("poison");
    try (WorkerProcess worker =
        fixture.worker(
            "w", "--retry-delay", "1", "--retry-max-delay", "1", "--max-attempts", "8")) {
      fixture.awaitValue("failed", "SELECT status FROM cape_issues WHERE id = 1");
      fixture.insert("healthy");
      fixture.awaitValue("completed", "SELECT status FROM cape_issues WHERE id = 2");
      worker.signal("TERM");
      worker.exitCode();
    }
    assertEquals("0", fixture.database.value("SELECT count(*) FROM cape_pauses"));
  }

  private void trouble(String script) throws Exception {
    Files.writeString(directory.resolve("trouble"), script + "\n");
  }
}
