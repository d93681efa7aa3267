package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.config.HttpAddress;
import com.cape.worker.config.HttpSettings;
import com.cape.worker.dashboard.Dashboard;
import com.cape.worker.testing.RawHttp;
import com.cape.worker.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rows that Cape would not write, in tables that others made. */
@Tag("database")
@Timeout(60)
class TablesOfOthersTest {
  // A signature that fits better than that of PostgreSQL's own.
  private static final String PLANTED =
      """
      CREATE FUNCTION planted(a varchar, b varchar) RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'planted code has run'; END $$;
      CREATE FUNCTION planted(a text, b varchar) RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'planted code has run'; END $$;
      CREATE FUNCTION planted(a varchar, b text) RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'planted code has run'; END $$;
      CREATE OPERATOR = (FUNCTION = planted, LEFTARG = varchar, RIGHTARG = varchar);
      CREATE OPERATOR = (FUNCTION = planted, LEFTARG = text, RIGHTARG = varchar);
      CREATE OPERATOR = (FUNCTION = planted, LEFTARG = varchar, RIGHTARG = text);
      CREATE FUNCTION left(a varchar, b integer) RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'planted code has run'; END $$;
      CREATE FUNCTION length(a varchar) RETURNS integer LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'planted code has run'; END $$;
      CREATE FUNCTION make_interval(secs integer) RETURNS interval LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'planted code has run'; END $$
      """;

  @TempDir private Path directory;

  @Test
  void everyCommandTakesARowOfNulls() {
    var fixture = new OperatorFixture();
    fixture.allowNulls();
    fixture.database.execute(
        """
        INSERT INTO cape_issues (id) VALUES (1);
        INSERT INTO cape_issues (id, status) VALUES (2, 'pending'), (3, 'started'), (4, 'failed');
        INSERT INTO cape_issues (id, description, status) VALUES (5, 'whole', 'pending')
        """);
    for (String[] arguments : new String[][] {{}, {"--json"}, {"--sort", "oldest", "--json"}}) {
      OperatorFixture.Ran listed = fixture.run("list", arguments);
      assertEquals(0, listed.exitCode(), listed.err());
      assertTrue(listed.out().contains("whole"), listed.out());
    }
    for (String id : new String[] {"1", "2", "3", "4"}) {
      for (String format : new String[] {"--json", "--env-file=/dev/null"}) {
        OperatorFixture.Ran shown = fixture.run("show", id, format);
        assertEquals(0, shown.exitCode(), shown.err());
      }
    }
    OperatorFixture.Ran status = fixture.run("status");
    assertTrue(status.out().contains("pending    2 "), status.out() + status.err());
    assertTrue(fixture.run("retry", "1").err().contains("issue 1 has a status that is not Cape's"));
    assertEquals("issue 4 is pending\n", fixture.run("retry", "4").out());
    assertEquals("issue 2 is cancelled\n", fixture.run("cancel", "2").out());
    assertTrue(fixture.run("logs", "3").err().contains("issue 3 has not run yet"));
  }

  @Test
  void dashboardTakesARowOfNullsAndNamesARefusedOne() throws IOException {
    var fixture = new OperatorFixture();
    fixture.allowNulls();
    fixture.database.execute(
        "INSERT INTO cape_issues (id, status) VALUES (1, NULL), (2, 'pending'), (3, 'failed')");
    fixture.refusal(2, "started", "not on Mondays");
    var http = new HttpSettings(HttpAddress.parse("127.0.0.1:0"), Optional.empty());
    DatabaseUrl url = DatabaseUrl.parse(fixture.database.url());
    try (Dashboard dashboard = Dashboard.start(http, url, "1", "here", directory)) {
      for (String path : new String[] {"/api/issues?q=1", "/api/issues", "/api/issues/1"}) {
        RawHttp.Answer answer = RawHttp.ask(dashboard.address(), "GET", path, "");
        assertEquals(200, answer.status(), answer.body());
        assertTrue(answer.body().contains("\"description\":\"\""), answer.body());
      }
      String overview = RawHttp.ask(dashboard.address(), "GET", "/api/overview", "").body();
      assertTrue(overview.contains("issue 2: cannot be claimed: not on Mondays"), overview);
    }
  }

  @ParameterizedTest
  @CsvSource({"SQL_ASCII, 'caf\u00e9 \ufffd end'", "WIN1252, 'caf\u00e9 \ufffd end'"})
  void byteThatIsNoTextIsReplacedAndAllElseIsListed(String encoding, String expected) {
    var fixture = new OperatorFixture(TestDatabase.createWithEncoding(encoding));
    fixture.issues("('whole', 'pending')");
    String cafe = encoding.equals("SQL_ASCII") ? "\\xc3\\xa9" : "\\xe9";
    // As a client in another encoding, or none, writes it.
    fixture.database.execute(
        """
        CREATE FUNCTION raw(bytes bytea) RETURNS text LANGUAGE sql AS
          'SELECT convert_from(bytes, getdatabaseencoding())';
        INSERT INTO cape_issues (description, status, last_error)
        VALUES (raw('\\x636166%s20812065'::bytea || 'nd'), 'failed', raw('\\x81'))
        """
            .formatted(cafe.replace("\\x", "")));
    fixture.running(1, "w");
    fixture.database.execute(
        """
        UPDATE cape_issue_attempts SET outcome = 'failed', error = raw('\\x81'), host = raw('\\x81'),
               output_tail = raw('\\x81')
        """);
    for (String format : new String[] {"--json", "--env-file=/dev/null"}) {
      OperatorFixture.Ran listed = fixture.run("list", format);
      assertEquals(0, listed.exitCode(), listed.err());
      assertTrue(listed.out().contains("whole"), listed.out());
      assertTrue(listed.out().contains(expected), listed.out());
      OperatorFixture.Ran shown = fixture.run("show", "2", format);
      assertTrue(shown.out().contains(expected), shown.out() + shown.err());
      assertEquals(0, fixture.run("show", "1", format).exitCode());
      assertEquals(0, fixture.run("status", format).exitCode());
    }
    assertEquals("\ufffd", fixture.run("logs", "1").out());
  }

  @Test
  void operatorsAndFunctionsOfOtherRolesAreNotRun() {
    var fixture = new OperatorFixture();
    fixture.issues("('x', 'pending'), ('y', 'failed'), ('z', 'started')");
    fixture.worker("w", "idle", "1 s");
    fixture.running(3, "w");
    fixture.database.execute("ALTER TABLE cape_issues ALTER description TYPE varchar(1000)");
    fixture.database.execute(PLANTED);
    for (String[] command :
        new String[][] {
          {"list"},
          {"list", "--status", "failed,pending", "--worker", "w"},
          {"list", "--sort", "queue"},
          {"show", "3"},
          {"status"},
          {"retry", "2"},
          {"cancel", "1", "3"},
          {"retry", "--all", "--status", "cancelled", "--yes"}
        }) {
      var ran = fixture.run(command[0], Arrays.copyOfRange(command, 1, command.length));
      assertEquals(0, ran.exitCode(), String.join(" ", command) + ": " + ran.err());
    }
  }

  @Test
  void rowThatTheDatabaseRefusesIsNamed() {
    var fixture = new OperatorFixture();
    fixture.issues("('x', 'pending'), ('y', 'started')");
    fixture.refusal(1, "started", "not on Mondays");
    fixture.refusal(2, "failed", "no such status");
    String first = "issue 1: cannot be claimed: not on Mondays; tried again in 4m 2";
    String second =
        "issue 2: its end as failed cannot be written: no such status; tried again in 4m";
    OperatorFixture.Ran status = fixture.run("status");
    assertTrue(status.out().contains("refused    " + first), status.out());
    assertTrue(status.out().contains("refused    " + second), status.out());
    assertTrue(fixture.run("show", "1").out().contains("refused    " + first));
    String json = fixture.run("show", "2", "--json").out();
    assertTrue(
        json.contains(
            "\"refusals\":[{\"issue_id\":2,\"status\":\"failed\",\"error\":\"no such status\""),
        json);
    assertTrue(fixture.run("status", "--json").out().contains("\"refusals\":[{\"issue_id\":2"));
    for (int issue = 3; issue <= 8; issue++) {
      fixture.refusal(issue, "started", "why");
    }
    assertTrue(fixture.run("status").out().contains("refused    and 3 more"));
  }
}
