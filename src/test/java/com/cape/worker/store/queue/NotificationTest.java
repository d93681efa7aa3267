package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static com.cape.worker.store.queue.RepositoryFixture.again;
import static com.cape.worker.store.queue.RepositoryFixture.completed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.store.Database;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** What PostgreSQL tells on the channel, and when it says nothing. */
@Tag("database")
@Tag("notifications")
@Timeout(30)
class NotificationTest {
  private static final String LAST = "last";

  private final TestDatabase database = TestDatabase.createMigrated();
  private final Database open = new Database(database.dataSource());
  private final IssueRepository issues = new IssueRepository(open);
  private Connection session;

  @BeforeEach
  void listen() throws SQLException {
    new Migrator(database.dataSource()).migrate();
    database.execute("INSERT INTO cape_issues (description, status) VALUES ('done', 'completed')");
    session = database.dataSource().getConnection();
    session.createStatement().execute("LISTEN cape_issues");
  }

  @AfterEach
  void close() throws SQLException {
    session.close();
  }

  @Test
  void eachInsertTellsHowManyAreDueAndTheFirstOfThem() throws Exception {
    database.execute("INSERT INTO cape_issues (description) VALUES ('2')");
    database.execute(
        "INSERT INTO cape_issues (description, status, run_after) VALUES ('3', 'completed', now()),"
            + " ('4', 'pending', now() + interval '1 h'), ('5', 'pending', now()), ('6', 'pending', now())");
    database.execute(
        "INSERT INTO cape_issues (description, run_after) VALUES ('7', now() + interval '1 h')");
    assertEquals(List.of("due 1 2", "due 2 5", "due 1 7"), told());
  }

  @Test
  void insertsOfOneTransactionAreToldOneByOneAndWhatIsRolledBackIsNot() throws Exception {
    database.execute(
        "BEGIN; INSERT INTO cape_issues (description) VALUES ('2');"
            + " INSERT INTO cape_issues (description) VALUES ('3'); COMMIT");
    database.execute("BEGIN; INSERT INTO cape_issues (description) VALUES ('4'); ROLLBACK");
    assertEquals(List.of("due 1 2", "due 1 3"), told());
  }

  @Test
  void tenThousandAtOnceAreOneNotification() throws Exception {
    database.execute(
        "INSERT INTO cape_issues (description) SELECT 'x' FROM generate_series(1, 10000)");
    assertEquals(List.of("due 10000 2"), told());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "INSERT INTO cape_issues (description, status) VALUES ('x', 'started')",
        "INSERT INTO cape_issues (description) SELECT 'x' WHERE false",
        "UPDATE cape_issues SET description = 'x', status = 'failed', priority = 7, run_after = now()",
        "UPDATE cape_issues SET cancel_requested_at = NULL",
        "DELETE FROM cape_issues",
        "DELETE FROM cape_pauses",
        "UPDATE cape_workers SET drain_requested_for = NULL"
      })
  void whatMakesNothingDueIsNotTold(String change) throws Exception {
    database.execute(change);
    assertEquals(List.of(), told());
  }

  @ParameterizedTest
  @CsvSource({
    "completed, status = 'pending', 1",
    "pending, priority = 1, 1",
    "pending, run_after = now() - interval '1 h', 1",
    "pending, run_after = now() + interval '1 h', 1",
    "pending, description = 'y', 0",
    "pending, status = 'started', 0",
    "started, run_after = now() - interval '1 h', 0"
  })
  void updateThatMakesAnIssueDueIsTold(String before, String change, int times) throws Exception {
    database.execute("UPDATE cape_issues SET status = '" + before + "'");
    told();
    database.execute("UPDATE cape_issues SET " + change);
    assertEquals(times == 1 ? List.of("due 1 1") : List.of(), told());
  }

  @Test
  void claimHeartbeatAndFinalSettleAreNotTold() throws Exception {
    var workers = new WorkerRepository(open, "1.0");
    workers.register(ALICE, LEASE, java.util.List.of());
    database.execute("INSERT INTO cape_issues (description) VALUES ('x')");
    assertEquals(List.of("due 1 2"), told());
    Claim claim = RepositoryFixture.claim(issues, ALICE).orElseThrow();
    workers.extendLeases(claim.instance(), List.of(claim.runId()), LEASE);
    assertTrue(
        workers
            .heartbeat(ALICE, new WorkerStatus(WorkerState.WORKING, true, 1), LEASE)
            .isPresent());
    assertTrue(issues.settle(claim, completed()).isPresent());
    assertEquals(List.of(), told());
  }

  @Test
  void issueThatGoesBackIsTold() throws Exception {
    database.execute("INSERT INTO cape_issues (description) VALUES ('x')");
    Claim claim = RepositoryFixture.claim(issues, ALICE).orElseThrow();
    told();
    assertTrue(issues.settle(claim, again(true)).isPresent());
    assertEquals(List.of("due 1 2"), told());
  }

  @Test
  void cancelIsToldOnce() throws Exception {
    String cancel =
        "UPDATE cape_issues SET cancel_requested_at = coalesce(cancel_requested_at, now())";
    database.execute(cancel);
    database.execute(cancel);
    assertEquals(List.of("cancel 1"), told());
  }

  @Test
  void everyChangeOfAPauseIsTold() throws Exception {
    database.execute("INSERT INTO cape_pauses (scope) VALUES ('*'), ('alice')");
    database.execute("UPDATE cape_pauses SET paused_until = now()");
    database.execute("DELETE FROM cape_pauses");
    database.execute("TRUNCATE cape_pauses");
    assertEquals(List.of("pause", "pause", "pause", "pause"), told());
  }

  @Test
  void drainRequestIsTold() throws Exception {
    new WorkerRepository(open, "1.0").register(ALICE, LEASE, java.util.List.of());
    String request = "UPDATE cape_workers SET drain_requested_for = instance";
    database.execute(request);
    database.execute(request);
    database.execute(request + ", drain_restart = true");
    assertEquals(List.of("worker alice", "worker alice"), told());
  }

  /** All that was told until now. */
  private List<String> told() throws SQLException {
    database.execute("NOTIFY cape_issues, '" + LAST + "'");
    List<String> payloads = new ArrayList<>();
    while (!payloads.contains(LAST)) {
      for (PGNotification told : session.unwrap(PGConnection.class).getNotifications(1000)) {
        payloads.add(told.getParameter());
      }
    }
    payloads.remove(LAST);
    return payloads;
  }
}
