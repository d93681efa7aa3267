package com.cape.worker.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.cape.worker.issue.Claim;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Tag("database")
@Timeout(30)
class RecoveryTest {
  @TempDir private Path directory;

  @Test
  void runThatThePredecessorCouldNotStartCostsTheIssueNoAttempt() throws Exception {
    var fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    RunPlan plan = fixture.script("exit 0");
    Claim claim =
        fixture
            .stores
            .issues()
            .claimNext(WorkerFixture.ALICE, plan.issueLogs().toString(), WorkerFixture.LEASE)
            .orElseThrow();
    var times = new LeaseTimes(WorkerFixture.LEASE, plan.grace());
    var files = new RunFiles(WorkerFixture.ALICE.id(), plan, times);
    files.keepNotStarted(claim, "no such command");

    fixture.worker(plan, 1, Duration.ofSeconds(10)).run();

    assertEquals(
        "completed 1 not_started,completed",
        fixture.database.value(
            "SELECT concat_ws(' ', status, attempts, (SELECT string_agg(outcome, ',' ORDER BY id)"
                + " FROM cape_issue_attempts)) FROM cape_issues"));
    assertFalse(Files.exists(files.runDirectory(claim)));
  }
}
