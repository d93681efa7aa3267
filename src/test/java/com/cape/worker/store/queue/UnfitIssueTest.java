package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static com.cape.worker.store.queue.RepositoryFixture.completed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.store.Database;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.TestDatabase;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** An issue that cannot be run as it stands fails at its first claim, and the next one is run. */
@Tag("database")
@Timeout(120)
class UnfitIssueTest {
  private static final String AS_IT_WAS_IN_USE =
      "CREATE TABLE cape_issues (id serial PRIMARY KEY, description text, status varchar(20) DEFAULT 'pending');";

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "NULL                      | the issue has no description",
        "repeat('x', 8388609)      | the description is 8 MB; at most 8 MiB can be run",
        "repeat('abcd', 12500000)  | the description is 50 MB; at most 8 MiB can be run",
        "repeat('abcd', 30000000)  | the description is 120 MB; at most 8 MiB can be run",
      })
  void unfitIssueFailsOnce(String description, String error) {
    TestDatabase database = TestDatabase.create();
    IssueRepository issues = migrated(database);
    database.execute(
        "INSERT INTO cape_issues (description) VALUES (" + description + "), ('next')");
    UUID run = UUID.randomUUID();
    Claim next = issues.claim(run, ALICE, "/logs", LEASE).claim().orElseThrow();
    assertEquals("next", next.description());
    assertEquals(run, next.runId());
    assertEquals(
        "failed 1 " + error,
        database.value(
            "SELECT concat_ws(' ', status, attempts, last_error) FROM cape_issues WHERE id = 1"));
    assertEquals(
        "failed " + error,
        database.value(
            "SELECT concat_ws(' ', outcome, error) FROM cape_issue_attempts WHERE issue_id = 1"));
    assertTrue(issues.settle(next, completed()).isPresent());
    assertEquals(Optional.empty(), RepositoryFixture.claim(issues, ALICE));
  }

  @Test
  void unfitIssueAfterASettleDoesNotTakeTheSettleBack() {
    TestDatabase database = TestDatabase.create();
    IssueRepository issues = migrated(database);
    database.execute("INSERT INTO cape_issues (description) VALUES ('first'), (NULL), ('next')");
    Claim first = RepositoryFixture.claim(issues, ALICE).orElseThrow();
    var both = issues.settleAndClaim(first, completed(), UUID.randomUUID(), ALICE, "/logs", LEASE);
    assertTrue(both.settled().isPresent());
    assertEquals(Optional.empty(), both.claimed());
    assertEquals("next", RepositoryFixture.claim(issues, ALICE).orElseThrow().description());
    assertEquals(
        "completed,failed,started",
        database.value("SELECT string_agg(status, ',' ORDER BY id) FROM cape_issues"));
  }

  @Test
  void largestDescriptionThatFitsIsRun() {
    TestDatabase database = TestDatabase.create();
    IssueRepository issues = migrated(database);
    database.execute("INSERT INTO cape_issues (description) VALUES (repeat('x', 8388608))");
    assertEquals(
        8388608, RepositoryFixture.claim(issues, ALICE).orElseThrow().description().length());
  }

  @Test
  void lastErrorThatSomebodyWroteIsCut() {
    TestDatabase database = TestDatabase.create();
    IssueRepository issues = migrated(database);
    database.execute(
        "INSERT INTO cape_issues (description, last_error) VALUES ('x', repeat('abcd', 30000000))");
    Claim claim = RepositoryFixture.claim(issues, ALICE).orElseThrow();
    assertEquals(8192, claim.lastError().orElseThrow().length());
  }

  @ParameterizedTest
  @ValueSource(strings = {"SQL_ASCII", "WIN1252"})
  void issueWhoseBytesAreNoTextFailsAlone(String encoding) {
    TestDatabase database = TestDatabase.createWithEncoding(encoding);
    IssueRepository issues = migrated(database);
    database.execute(
        "INSERT INTO cape_issues (description) VALUES (convert_from('\\x6f646481fffe', '%s')), ('healthy')"
            .formatted(encoding));
    assertEquals("healthy", RepositoryFixture.claim(issues, ALICE).orElseThrow().description());
    assertEquals("failed", database.value("SELECT status FROM cape_issues WHERE id = 1"));
    assertTrue(
        database
            .value("SELECT last_error FROM cape_issues WHERE id = 1")
            .startsWith("the text of the issue cannot be read: "));
  }

  private static IssueRepository migrated(TestDatabase database) {
    database.execute(AS_IT_WAS_IN_USE);
    new Migrator(database.dataSource()).migrate();
    return new IssueRepository(new Database(database.dataSource()));
  }
}
