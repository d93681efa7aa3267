package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.BOB;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static com.cape.worker.store.queue.RepositoryFixture.again;
import static com.cape.worker.store.queue.RepositoryFixture.completed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.store.Database;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.TestDatabase;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of an issue whose worker is gone, and of a worker that comes back. */
@Tag("database")
class RescueTest {
  private static final RetryPolicy RETRIES =
      new RetryPolicy(5, Duration.ofSeconds(15), Duration.ofHours(1));

  private final TestDatabase database = TestDatabase.createMigrated();
  private final Database open = new Database(database.dataSource());
  private final IssueRepository issues = new IssueRepository(open);
  private final WorkerRepository workers = new WorkerRepository(open, "test");

  @BeforeEach
  void migrate() {
    new Migrator(database.dataSource()).migrate();
    database.execute("INSERT INTO cape_issues (description) VALUES ('an issue')");
  }

  @Test
  void liveLeaseIsLeftAlone() {
    claim(ALICE);
    assertEquals(List.of(), rescue());
  }

  @ParameterizedTest
  @CsvSource({
    "false, 0, PENDING,   12, 18",
    "false, 1, PENDING,   48, 72",
    "false, 4, FAILED,    0,  0",
    "true,  0, CANCELLED, 0,  0",
  })
  void expiredLeaseIsGivenBack(
      boolean cancelled, int attemptsBefore, IssueStatus status, int leastWait, int longestWait) {
    database.execute("UPDATE cape_issues SET attempts = " + attemptsBefore);
    claim(ALICE);
    if (cancelled) {
      database.execute("UPDATE cape_issues SET cancel_requested_at = now()");
    }
    expire();
    assertEquals(List.of(new Settled(Optional.of(status))), rescue());
    assertEquals(
        "lost t",
        database.value(
            "SELECT outcome || ' ' || (finished_at IS NOT NULL)::char FROM cape_issue_attempts"));
    assertEquals(
        status.word() + " " + (attemptsBefore + 1),
        database.value("SELECT status || ' ' || attempts FROM cape_issues"));
    boolean pending = status == IssueStatus.PENDING;
    assertTrue(is("(assigned_worker_id IS NULL) = " + pending));
    assertTrue(is("(started_at IS NULL) = " + pending));
    assertTrue(is("last_error LIKE 'attempt %% lost: worker alice on here %%'".replace("%%", "%")));
    if (pending) {
      assertTrue(
          is(
              "run_after - now() BETWEEN interval '%d s' AND interval '%d s'"
                  .formatted(leastWait - 3, longestWait)));
    }
    assertEquals(List.of(), rescue());
  }

  @Test
  void noLimitMeansAnotherAttempt() {
    database.execute("UPDATE cape_issues SET attempts = 999");
    claim(ALICE);
    expire();
    var unlimited = new RetryPolicy(0, Duration.ofSeconds(1), Duration.ofSeconds(1));
    RepositoryFixture.rescueAll(issues, unlimited);
    assertTrue(is("status = 'pending'"));
  }

  @ParameterizedTest
  @CsvSource({"completed", "pending", "failed"})
  void issueThatSomebodyMovedOnIsNotTouched(String status) {
    claim(ALICE);
    database.execute("UPDATE cape_issues SET status = '" + status + "'");
    expire();
    assertEquals(List.of(new Settled(Optional.empty())), rescue());
    assertTrue(is("status = '" + status + "'"));
  }

  @Test
  void startedIssueOfSomebodyElseIsNotTouched() {
    database.execute("UPDATE cape_issues SET status = 'started'");
    assertEquals(List.of(), rescue());
    assertTrue(is("status = 'started'"));
  }

  @Test
  void deletedIssueLeavesItsHistory() {
    claim(ALICE);
    database.execute("DELETE FROM cape_issues");
    expire();
    assertEquals(List.of(new Settled(Optional.empty())), rescue());
  }

  @Test
  void serverThatHasJustStartedRescuesNobody() {
    claim(ALICE);
    expire();
    assertEquals(List.of(), issues.expiredLeases(Duration.ofDays(1000)));
  }

  @Test
  void lostAttemptSettlesNothingOnceTheIssueIsClaimedAgain() {
    Claim stale = claim(ALICE);
    expire();
    rescue();
    database.execute("UPDATE cape_issues SET run_after = now()");
    Claim current = claim(BOB);
    assertFalse(issues.settle(stale, completed()).isPresent());
    assertFalse(issues.settle(stale, again(true)).isPresent());
    assertEquals(List.of(), workers.extendLeases(stale.instance(), List.of(stale.runId()), LEASE));
    assertTrue(issues.settle(current, completed()).isPresent());
    assertTrue(is("assigned_worker_id = 'bob'"));
  }

  @Test
  void paidWorkCountsAfterARescueAsLongAsNobodyClaimedAgain() {
    Claim claim = claim(ALICE);
    expire();
    rescue();
    assertFalse(issues.settle(claim, again(true)).isPresent(), "only an exit 0 counts");
    assertTrue(issues.settle(claim, completed()).isPresent());
    assertTrue(
        is("status = 'completed' AND assigned_worker_id = 'alice' AND started_at IS NOT NULL"));
    assertEquals("completed", database.value("SELECT outcome FROM cape_issue_attempts"));
    assertFalse(issues.settle(claim, completed()).isPresent(), "once");
  }

  private Claim claim(WorkerIdentity worker) {
    return RepositoryFixture.claim(issues, worker).orElseThrow();
  }

  private void expire() {
    database.execute(
        "UPDATE cape_issue_attempts SET lease_expires_at = now() - interval '1 s' WHERE outcome = 'running'");
  }

  private List<Settled> rescue() {
    return RepositoryFixture.rescueAll(issues, RETRIES);
  }

  private boolean is(String condition) {
    return database.value("SELECT " + condition + " FROM cape_issues").equals("t");
  }
}
