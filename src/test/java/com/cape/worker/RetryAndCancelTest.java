package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("database")
@Timeout(60)
class RetryAndCancelTest {
  private static final String STATUSES =
      "SELECT string_agg(status, ' ' ORDER BY id) FROM cape_issues";

  private final OperatorFixture fixture = new OperatorFixture();

  @Test
  void failedCancelledAndWaitingOnesAreRetried() {
    fixture.issues("('f', 'failed'), ('c', 'cancelled'), ('w', 'pending')");
    fixture.database.execute(
        """
        UPDATE cape_issues SET attempts = 5, fence = 5, assigned_worker_id = 'w', started_at = now(),
               cancel_requested_at = now();
        UPDATE cape_issues SET run_after = now() + interval '1 h' WHERE id = 3
        """);
    var ran = fixture.run("retry", "1", "2", "3");
    assertEquals(0, ran.exitCode(), ran.err());
    assertEquals("issue 1 is pending\nissue 2 is pending\nissue 3 is pending\n", ran.out());
    assertEquals(
        "3",
        fixture.value(
            """
            SELECT count(*) FROM cape_issues
             WHERE status = 'pending' AND attempts = 0 AND fence = 5 AND run_after <= now()
               AND assigned_worker_id IS NULL AND started_at IS NULL AND cancel_requested_at IS NULL
            """));
  }

  @Test
  void whatMustNotBeRetriedIsLeftAloneAndSaid() {
    fixture.issues(
        "('run', 'pending'), ('theirs', 'started'), ('done', 'completed'), ('due', 'pending'),"
            + " ('scheduled', 'pending'), ('theirs', 'blocked')");
    fixture.database.execute(
        "UPDATE cape_issues SET run_after = now() + interval '1 h' WHERE id = 5");
    fixture.running(1, "w");
    // A workflow may write the status itself while it runs.
    fixture.database.execute("UPDATE cape_issues SET status = 'failed' WHERE id = 1");
    String before = fixture.value("SELECT string_agg(i::text, ' ' ORDER BY id) FROM cape_issues i");
    var ran = fixture.run("retry", "1", "2", "3", "4", "5", "6", "7");
    assertEquals(1, ran.exitCode());
    assertEquals("", ran.out());
    for (String line :
        new String[] {
          "issue 1 is running; cancel it first",
          "issue 2 was started by somebody else; make sure that it runs no more, then give --force",
          "issue 3 is completed; submit it anew",
          "issue 4 is due already",
          "issue 5 was never tried; it waits for its time",
          "issue 6 has a status that is not Cape's; 'show 6' shows it",
          "there is no issue 7; 'cape-worker list' shows the newest"
        }) {
      assertTrue(ran.err().lines().toList().contains("cape-worker: " + line), ran.err());
    }
    assertEquals(
        before, fixture.value("SELECT string_agg(i::text, ' ' ORDER BY id) FROM cape_issues i"));
  }

  @Test
  void startedOneWithoutARunningAttemptIsTakenBackByForceAlone() {
    fixture.issues("('theirs', 'started'), ('running', 'pending')");
    fixture.running(2, "w");
    assertEquals(1, fixture.run("retry", "1").exitCode());
    var ran = fixture.run("retry", "--force", "1", "2");
    assertEquals(1, ran.exitCode());
    assertEquals("issue 1 is pending\n", ran.out());
    assertEquals("pending started", fixture.value(STATUSES));
  }

  @Test
  void allOfAStatusAreRetriedAfterAYes() {
    fixture.issues("('f', 'failed'), ('f', 'failed'), ('c', 'cancelled')");
    var asked = fixture.run("retry", "--all", "--status", "failed");
    assertEquals(2, asked.exitCode());
    assertTrue(asked.err().contains("retry 2 failed issues? Nobody can be asked"), asked.err());
    var ran = fixture.run("retry", "--all", "--status", "failed", "--yes", "--json");
    assertEquals(
        "[{\"id\":1,\"result\":\"queued\"},{\"id\":2,\"result\":\"queued\"}]\n", ran.out());
    assertEquals("pending pending cancelled", fixture.value(STATUSES));
    assertEquals(0, fixture.run("retry", "--all", "--status", "failed").exitCode());
  }

  @Test
  void thousandsAreChangedInBatches() {
    fixture.database.execute(
        "INSERT INTO cape_issues (description, status) SELECT 'x', 'failed' FROM generate_series(1, 2500)");
    var ran = fixture.run("retry", "--all", "--status", "failed", "--yes");
    assertEquals(2500, ran.lines().size(), ran.err());
    assertEquals(
        "2500", fixture.value("SELECT count(*) FROM cape_issues WHERE status = 'pending'"));
    assertEquals(
        2500, fixture.run("cancel", "--all", "--status", "pending", "--yes").lines().size());
    assertEquals(
        "2500", fixture.value("SELECT count(*) FROM cape_issues WHERE status = 'cancelled'"));
  }

  @Test
  void pendingOneIsCancelledAtOnceAndARunningOneAskedFor() {
    fixture.issues("('p', 'pending'), ('r', 'pending')");
    fixture.running(2, "w");
    var ran = fixture.run("cancel", "1", "2");
    assertEquals(0, ran.exitCode(), ran.err());
    assertEquals("issue 1 is cancelled\nissue 2 is running and will be stopped\n", ran.out());
    assertEquals("cancelled started", fixture.value(STATUSES));
    assertEquals("2", fixture.value("SELECT count(cancel_requested_at) FROM cape_issues"));
  }

  @Test
  void whatCannotBeCancelledIsSaid() {
    fixture.issues(
        "('c', 'completed'), ('f', 'failed'), ('theirs', 'started'), ('x', 'cancelled')");
    var ran = fixture.run("cancel", "1", "2", "3", "4", "5");
    assertEquals(1, ran.exitCode());
    assertEquals("issue 4 is cancelled already\n", ran.out());
    assertTrue(ran.err().contains("issue 1 has ended; 'show 1' shows how"), ran.err());
    assertTrue(ran.err().contains("issue 2 has ended"), ran.err());
    assertTrue(ran.err().contains("issue 3 was started by somebody else"), ran.err());
    assertTrue(ran.err().contains("there is no issue 5"), ran.err());
    assertEquals("completed failed started cancelled", fixture.value(STATUSES));
  }

  @Test
  void rowThatRefusesToChangeIsGivenUp() {
    fixture.issues("('p', 'pending'), ('f', 'failed'), ('p', 'pending')");
    fixture.database.execute(
        """
        CREATE FUNCTION pass_over() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER pass_over BEFORE UPDATE ON cape_issues
           FOR EACH ROW WHEN (OLD.id < 3) EXECUTE FUNCTION pass_over()
        """);
    var cancel = fixture.run("cancel", "1", "3");
    assertEquals(1, cancel.exitCode());
    assertEquals("issue 3 is cancelled\n", cancel.out());
    assertTrue(cancel.err().contains("issue 1 stays as it is: a trigger"), cancel.err());
    assertEquals(
        "[{\"id\":2,\"result\":\"refused\"}]\n", fixture.run("retry", "2", "--json").out());
    assertEquals("pending failed cancelled", fixture.value(STATUSES));
  }

  @ParameterizedTest
  @ValueSource(strings = {"lock_timeout", "statement_timeout"})
  void rowThatOthersHoldIsNoOutage(String limit) throws SQLException {
    fixture.issues("('x', 'failed')");
    fixture.database.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET %s = 300', current_database()); END $$"
            .formatted(limit));
    try (Connection other = fixture.database.dataSource().getConnection();
        Statement statement = other.createStatement()) {
      other.setAutoCommit(false);
      statement.execute("SELECT FROM cape_issues FOR UPDATE");
      var ran = fixture.run("retry", "1");
      assertEquals(1, ran.exitCode(), ran.err());
      assertTrue(ran.err().contains("the database is busy: "), ran.err());
      assertTrue(ran.err().contains("nothing was changed, try again"), ran.err());
    }
    assertEquals("issue 1 is pending\n", fixture.run("retry", "1").out());
  }
}
