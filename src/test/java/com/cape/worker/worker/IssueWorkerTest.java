package com.cape.worker.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.CommandTemplate;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.process.ProcessCommandRunner;
import com.cape.worker.store.Database;
import com.cape.worker.store.IssueRepository;
import com.cape.worker.store.Migrator;
import com.cape.worker.store.WorkerIdentity;
import com.cape.worker.testing.TestDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Tag("database")
@Timeout(30)
class IssueWorkerTest {
  @TempDir private Path directory;
  private final TestDatabase database = TestDatabase.create();

  @BeforeEach
  void migrate() {
    new Migrator(database.dataSource()).migrate();
    database.execute("INSERT INTO cape_issues (description) VALUES ('one'), ('two')");
  }

  @Test
  void eachTurnTakesOneIssueUntilNothingIsDue() throws Exception {
    IssueWorker worker = worker(Path.of("/bin/bash"));
    assertTrue(worker.runOnce());
    assertTrue(worker.runOnce());
    assertFalse(worker.runOnce());
    assertEquals(
        "2", database.value("SELECT count(*) FROM cape_issues WHERE status = 'completed'"));
  }

  @Test
  void commandThatCannotBeStartedCostsNoAttempt() throws Exception {
    assertFalse(worker(Path.of("/nowhere/bash")).runOnce());
    assertEquals("0", database.value("SELECT sum(attempts) FROM cape_issues"));
    assertEquals("2", database.value("SELECT count(*) FROM cape_issues WHERE status = 'pending'"));
    assertEquals("not_started", database.value("SELECT outcome FROM cape_issue_attempts"));
  }

  private IssueWorker worker(Path bash) {
    var plan =
        new RunPlan(
            CommandTemplate.parse("true {id} {description}"),
            "/bin/true",
            Set.of(),
            directory,
            directory.resolve("issues"),
            directory.resolve("runs"),
            1 << 20,
            Duration.ofSeconds(5),
            Duration.ofSeconds(1));
    return new IssueWorker(
        new WorkerIdentity(new WorkerId("alice"), UUID.randomUUID(), "here", 1),
        plan,
        new ProcessCommandRunner(bash),
        new IssueRepository(new Database(database.dataSource())),
        new RetryPolicy(5, Duration.ofSeconds(15), Duration.ofHours(1)),
        Duration.ofMinutes(5),
        Duration.ofSeconds(10));
  }
}
