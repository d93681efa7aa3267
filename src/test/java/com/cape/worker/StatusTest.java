package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("database")
@Timeout(60)
class StatusTest {
  private final OperatorFixture fixture = new OperatorFixture();

  @Test
  void everyCountIsTold() {
    fixture.issues(
        "('due', 'pending'), ('due', 'pending'), ('later', 'pending'), ('again', 'pending'),"
            + " ('s', 'started'), ('f', 'failed'), ('f', 'failed'), ('c', 'cancelled')");
    fixture.database.execute(
        """
        UPDATE cape_issues SET run_after = now() - interval '3 min 10 s' WHERE id = 1;
        UPDATE cape_issues SET run_after = now() + interval '1 h' WHERE description IN ('later', 'again');
        UPDATE cape_issues SET fence = 2 WHERE description = 'again';
        INSERT INTO cape_issues (description, status, completed_at)
        VALUES ('x', 'completed', now()), ('x', 'completed', now() - interval '2 h'),
               ('x', 'completed', now() - interval '2 days')
        """);
    var ran = fixture.run("status");
    assertEquals(0, ran.exitCode(), ran.err());
    for (String line :
        new String[] {
          "pending    4 (2 due, 1 waiting for a retry)",
          "oldest due 3m 10s",
          "started    1",
          "failed     2",
          "cancelled  1",
          "completed  1 in the last hour, 2 in the last day"
        }) {
      assertTrue(ran.lines().contains(line), line + " in\n" + ran.out());
    }
    String json = fixture.run("status", "--json").out();
    assertTrue(
        json.contains(
            "\"issues\":{\"pending\":4,\"due\":2,\"retrying\":1,\"started\":1,\"unowned\":1,"
                + "\"failed\":2,\"cancelled\":1,\"completed_last_hour\":1,\"completed_last_day\":2}"),
        json);
    assertTrue(
        json.matches("(?s)\\{\"now\":\"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\S*Z\",.*"), json);
  }

  @Test
  void workersAreToldWithWhatTheyRun() {
    fixture.issues("('a', 'pending')");
    fixture.worker("alleycat-1", "working", "12 s");
    fixture.worker("long-gone", "stopped", "2 h");
    fixture.running(1, "alleycat-1");
    fixture.database.execute(
        "UPDATE cape_issue_attempts SET started_at = now() - interval '5 min 6 s'");
    var ran = fixture.run("status");
    assertTrue(
        ran.out().matches("(?s).*alleycat-1 +working +12s ago +there +1 for 5m 06s\n.*"),
        ran.out());
    assertFalse(ran.out().contains("long-gone"), ran.out());
    assertFalse(ran.out().contains("warning"), ran.out());
  }

  @Test
  void whatNeedsALookIsWarnedOf() {
    fixture.issues("('by hand', 'started'), ('due', 'pending')");
    fixture.worker("silent", "working", "7 min");
    var ran = fixture.run("status");
    assertTrue(ran.out().contains("warning    1 started without a running attempt"), ran.out());
    assertTrue(
        ran.out().contains("warning    worker silent on there was last heard of 7m 00s ago"),
        ran.out());
    assertTrue(ran.out().contains("issues are due, and no worker is alive"), ran.out());
    assertTrue(ran.out().matches("(?s).*silent +working\\? .*"), ran.out());
  }

  @Test
  void workerIsHeardOfWithinItsOwnLease() {
    fixture.worker("slow", "idle", "7 min");
    fixture.worker("quick", "idle", "12 s");
    fixture.database.execute(
        """
        UPDATE cape_workers SET lease_seconds = 3600 WHERE worker_id = 'slow';
        UPDATE cape_workers SET lease_seconds = 10 WHERE worker_id = 'quick'
        """);
    var ran = fixture.run("status");
    assertTrue(ran.out().matches("(?s).*slow +idle +7m .*"), ran.out());
    assertTrue(ran.out().matches("(?s).*quick +idle\\? +12s .*"), ran.out());
    assertTrue(ran.out().contains("worker quick on there was last heard of 12s ago"), ran.out());
    assertFalse(ran.out().contains("worker slow on there"), ran.out());
    assertTrue(fixture.run("status", "--json").out().contains("\"lease_seconds\":3600,"));
  }

  @Test
  void idleWorkerThatClaimsNothingIsWarnedOfUnlessAPauseExplainsIt() {
    fixture.issues("('due', 'pending')");
    fixture.database.execute("UPDATE cape_issues SET run_after = now() - interval '2 min'");
    fixture.worker("lazy", "idle", "5 s");
    assertTrue(fixture.run("status").out().contains("idle worker lazy claims none"));
    fixture.database.execute(
        "INSERT INTO cape_pauses VALUES ('*', now() + interval '10 min 30 s', 'usage limit')");
    var ran = fixture.run("status");
    assertFalse(ran.out().contains("warning"), ran.out());
    assertTrue(
        ran.out()
            .matches(
                "(?s).*paused     the fleet until .*Z \\(10m \\d\\ds left\\): usage limit\n.*"),
        ran.out());
    fixture.database.execute("UPDATE cape_pauses SET paused_until = now() - interval '1 s'");
    assertTrue(fixture.run("status").out().contains("warning"));
  }

  @Test
  void issueThatIsDueEverSinceAndNamesOfOthersDoNoHarm() {
    fixture.issues("('x', 'pending'), ('x', 'pending')");
    fixture.database.execute("UPDATE cape_issues SET run_after = '-infinity' WHERE id = 1");
    fixture.database.execute(
        "UPDATE cape_issues SET run_after = 'infinity', fence = 1 WHERE id = 2");
    fixture.worker("w", "idle", "1 s");
    fixture.database.execute("UPDATE cape_workers SET host = E'\\x1b[2Jhost'");
    var ran = fixture.run("status");
    assertEquals(0, ran.exitCode(), ran.err());
    assertTrue(ran.out().contains("oldest due ever"), ran.out());
    assertFalse(ran.out().contains("\u001b"), ran.out());
    assertFalse(fixture.run("status", "--json").out().contains("\u001b"));
  }

  @Test
  void databaseWithoutTheTablesIsNamed() {
    fixture.database.execute("DROP TABLE cape_issues CASCADE");
    var ran = fixture.run("status");
    assertEquals(78, ran.exitCode());
    assertEquals(1, ran.err().lines().count(), ran.err());
    assertTrue(ran.err().contains("'cape-worker migrate' brings the schema up to date"), ran.err());
  }
}
