package com.cape.worker.store.queue;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.store.Database;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.PgBouncer;
import com.cape.worker.testing.Repeats;
import com.cape.worker.testing.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Through PgBouncer in transaction mode, in every run of the tests that finds one. */
@Tag("database")
@Timeout(60)
class PoolerTest {
  private static final int CLAIMS = Repeats.of(2_000, 10_000);

  private static final int CLAIMERS = 8;

  @Test
  void manyClaimsMeetNoError() throws Exception {
    PgBouncer.require();
    TestDatabase pooled = TestDatabase.createMigrated().throughPgBouncer();
    pooled.execute(
        "INSERT INTO cape_issues (description) SELECT 'issue' FROM generate_series(1, "
            + CLAIMS
            + ")");
    Crowd.Result result;
    try (var database =
        Database.open(DatabaseUrl.parse(pooled.url()), "crowd", CLAIMERS, Duration.ofSeconds(15))) {
      result = new Crowd(database, CLAIMERS).claimAndSettleAll();
    }
    System.out.printf("%d claims through PgBouncer: %d ms%n", CLAIMS, result.took().toMillis());
    assertEquals(CLAIMS, result.claims().stream().map(Crowd.Taken::issueId).distinct().count());
    assertEquals(
        Integer.toString(CLAIMS),
        pooled.value("SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'completed'"));
  }

  /** What one program leaves in a session, the next program finds there. */
  @Test
  void migrationsLeaveNothingInTheSessionsOfOthers() throws Exception {
    PgBouncer.require();
    TestDatabase pooled = TestDatabase.create().throughPgBouncer();
    new Migrator(pooled.dataSource()).migrate();
    try (Connection one = pooled.dataSource().getConnection();
        Connection other = pooled.dataSource().getConnection()) {
      // A transaction of each at the same time, so that it is two sessions.
      one.setAutoCommit(false);
      other.setAutoCommit(false);
      assertEquals("none", ownSettings(one));
      assertEquals("none", ownSettings(other));
    }
  }

  // But for what PgBouncer itself sets for each of its clients, and a number of the driver's.
  private static final String OWN_SETTINGS =
      """
      SELECT coalesce(string_agg(name || '=' || setting, ' '), 'none') FROM pg_settings
       WHERE source = 'session'
         AND name NOT IN ('application_name', 'client_encoding', 'DateStyle', 'TimeZone',
                          'standard_conforming_strings', 'extra_float_digits')
      """;

  private static String ownSettings(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(OWN_SETTINGS)) {
      rows.next();
      return rows.getString(1);
    }
  }
}
