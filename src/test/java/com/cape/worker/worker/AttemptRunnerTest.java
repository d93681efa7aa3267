package com.cape.worker.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.TestDatabase;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("database")
@Timeout(30)
class AttemptRunnerTest {
  @TempDir private Path directory;
  private WorkerFixture fixture;
  private TestDatabase database;

  @BeforeEach
  void start() {
    fixture = new WorkerFixture(directory);
    database = fixture.database;
  }

  @ParameterizedTest
  @CsvSource({
    "exit 0,        completed, completed,    1",
    "exit 65,       failed,    failed,       1",
    "exit 75,       pending,   throttled,    0",
    "exit 3,        pending,   failed,       1",
    "kill -9 $$,    pending,   failed,       1",
    "sleep 60,      pending,   timed_out,    1",
    "exec yes,      pending,   output_limit, 1",
  })
  void endingIsWrittenDown(String script, String status, String outcome, String attempts)
      throws Exception {
    run(script);
    assertEquals(status, database.value("SELECT status FROM cape_issues"));
    assertEquals(outcome, database.value("SELECT outcome FROM cape_issue_attempts"));
    assertEquals(attempts, database.value("SELECT attempts FROM cape_issues"));
    assertEquals("t", database.value("SELECT finished_at IS NOT NULL FROM cape_issue_attempts"));
  }

  @Test
  void workflowSeesTheIssueAndLeavesItsTailAndNoOtherFile() throws Exception {
    run("echo $CAPE_ISSUE_ID $CAPE_ATTEMPT $CAPE_FENCE $CAPE_WORKER_ID; cat $CAPE_ISSUE_FILE");
    assertEquals(
        "1 1 1 alice\nan issue", database.value("SELECT output_tail FROM cape_issue_attempts"));
    Path log = Path.of(database.value("SELECT log_file FROM cape_issue_attempts"));
    assertEquals("1 1 1 alice\nan issue", Files.readString(log));
    try (var left = Files.list(directory.resolve("runs"))) {
      assertEquals(List.of(), left.toList());
    }
  }

  @Test
  void logOfAnotherDatabaseIsKeptAside() throws Exception {
    Path folder = Files.createDirectories(directory.resolve("issues/1"));
    Files.writeString(folder.resolve("attempt-1-1.log"), "older");
    run("echo newer");
    assertEquals("newer\n", Files.readString(folder.resolve("attempt-1-1.log")));
    try (var files = Files.list(folder)) {
      assertEquals(2, files.count());
    }
  }

  @Test
  void secondAttemptSeesTheFirstOnesError() throws Exception {
    run("echo oops; exit 3");
    database.execute("UPDATE cape_issues SET run_after = now()");
    runNext("echo \"$CAPE_LAST_ERROR\"");
    String tail =
        database.value("SELECT output_tail FROM cape_issue_attempts ORDER BY id DESC LIMIT 1");
    assertTrue(tail.matches("attempt 1 failed: exit 3 after \\d s\noops\n\n?"), tail);
  }

  private void run(String script) throws Exception {
    fixture.insert("an issue");
    runNext(script);
  }

  private void runNext(String script) throws Exception {
    assertEquals(Optional.empty(), fixture.runNext(fixture.script(script)));
  }
}
