package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.PgBouncer;
import com.cape.worker.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("database")
@Timeout(60)
class DoctorTest {
  private final OperatorFixture fixture = new OperatorFixture();
  private final String role = "doctor_" + ProcessHandle.current().pid();
  @TempDir private Path directory;

  @Test
  void everythingThatIsRightIsOk() throws IOException {
    var ran = doctor("--worker-id", "alleycat-1");
    assertEquals(0, ran.exitCode(), ran.out());
    for (String line :
        new String[] {
          "ok       java: ",
          "ok       settings: --worker-id = alleycat-1 (option)",
          "ok       settings: --database-url = **** (option)",
          "ok       directory: " + directory,
          "ok       perl: /",
          "ok       command: ./adw is " + directory,
          "ok       log directory: " + directory.resolve("logs") + ", ",
          "ok       state directory: " + directory.resolve("logs/state/alleycat-1"),
          "ok       database: PostgreSQL ",
          "ok       clock: the server's is 0.",
          "ok       schema: version 8 or newer, nothing missing"
        }) {
      assertTrue(
          ran.lines().stream().anyMatch(found -> found.startsWith(line)),
          line + " in\n" + ran.out());
    }
    assertFalse(ran.out().contains("failed"), ran.out());
    String json = doctor("--json").out();
    assertTrue(json.startsWith("[{\"level\":\"ok\",\"check\":\"java\",\"text\":\""), json);
    assertFalse(Files.exists(directory.resolve("logs")), "doctor changes nothing");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "DROP INDEX cape_issue_attempts_running | no index cape_issue_attempts_running on cape_issue_attempts; the migrations may run again",
        "DROP INDEX cape_issues_other | no index cape_issues_other on cape_issues",
        "ALTER TABLE cape_workers DROP COLUMN free_slots | no column free_slots on cape_workers",
        "ALTER TABLE cape_issues DISABLE TRIGGER cape_notify_cancel | no trigger cape_notify_cancel on cape_issues",
        "DROP TRIGGER cape_notify_pause ON cape_pauses | no trigger cape_notify_pause on cape_pauses",
        "DROP TRIGGER cape_notify_due ON cape_issues | no trigger cape_notify_due",
        "DROP TABLE cape_pauses CASCADE | no table cape_pauses; the migrations may run again",
        "DELETE FROM cape_worker_schema_history WHERE version = '8' | is not up to date; run 'cape-worker migrate'"
      })
  void whatTheSchemaLacksIsFailed(String change, String expected) throws IOException {
    fixture.database.execute(change);
    var ran = doctor();
    assertEquals(1, ran.exitCode(), ran.out());
    assertTrue(ran.out().contains("failed   schema: " + expected), ran.out());
  }

  @Test
  void missingPrivilegeIsFailed() throws IOException {
    String url = role();
    fixture.database.execute("REVOKE INSERT, UPDATE ON ALL TABLES IN SCHEMA public FROM " + role);
    fixture.database.execute("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM " + role);
    var ran = doctor("--database-url", url);
    assertEquals(1, ran.exitCode(), ran.out());
    assertTrue(
        ran.out()
            .contains(
                "failed   schema: no privilege UPDATE on cape_issues; let the tables' owner GRANT it"),
        ran.out());
    assertTrue(ran.out().contains("no privilege USAGE on cape_issues_id_seq; let"), ran.out());
    assertFalse(ran.out().contains("privilege SELECT"), ran.out());
    assertFalse(ran.out().contains("s3cr3t"), ran.out());
  }

  @Test
  void databaseThatIsAwayIsOneFailureAmongTheRest() throws IOException {
    var ran = doctor("--database-url", "postgresql://u:s3cr3t@127.0.0.1:1/x");
    assertEquals(1, ran.exitCode());
    assertTrue(
        ran.out()
            .contains(
                "failed   database: 127.0.0.1:1 refused the connection (SQLSTATE 08001); the URL comes from --database-url (option)"),
        ran.out());
    assertTrue(ran.out().contains("ok       perl"), ran.out());
    assertFalse(ran.out().contains("s3cr3t"), ran.out());
    var wrong = doctor("--database-url", "postgres:/u:s3cr3t@h/x", "--lease", "5");
    assertEquals(1, wrong.exitCode());
    assertTrue(wrong.out().contains("failed   settings: --database-url"), wrong.out());
    assertTrue(wrong.out().contains("failed   settings: --lease '5' (option)"), wrong.out());
    assertFalse(wrong.out().contains("s3cr3t"), wrong.out());
  }

  @Test
  void databaseIsLeftOutWhenItNeedNotBeThere() throws IOException {
    String away = "postgresql://u@127.0.0.1:1/x";
    var ran = doctor("--no-database", "--database-url", away);
    assertEquals(0, ran.exitCode(), ran.out());
    assertTrue(ran.out().contains("ok       command: ./adw is "), ran.out());
    assertFalse(ran.out().contains("database: "), ran.out());
    var wrong = doctor("--no-database", "--database-url", away, "--lease", "5");
    assertEquals(1, wrong.exitCode(), wrong.out());
    var unknown = doctor("--no-database", "--database-url", "mysql://x");
    assertEquals(1, unknown.exitCode(), unknown.out());
    assertTrue(unknown.out().contains("failed   settings: --database-url"), unknown.out());
  }

  @Test
  void hostThatCannotRunTheCommandFails() throws IOException {
    var missing = doctor("--command", "no-such-adw {id}");
    assertEquals(1, missing.exitCode());
    assertTrue(
        missing.out().contains("failed   command: the command 'no-such-adw' is not on the PATH"),
        missing.out());
    var nowhere = doctor("--working-dir", directory.resolve("nowhere").toString());
    assertTrue(nowhere.out().contains("nowhere does not exist; create it"), nowhere.out());
    var option = doctor("--command", "./adw {description}");
    assertEquals(0, option.exitCode(), option.out());
    assertTrue(
        option.out().contains("warning  command: a description that begins with - could be read"),
        option.out());
    var file = doctor("--log-dir", directory.resolve("adw").toString());
    assertEquals(1, file.exitCode());
    assertTrue(file.out().contains("failed   log directory: "), file.out());
  }

  @ParameterizedTest
  @ValueSource(strings = {"cape_issues", "cape_issue_attempts", "cape_workers", "cape_pauses"})
  void rowSecurityWithoutAPolicyForTheRoleIsFailed(String table) throws IOException {
    String url = role();
    fixture.database.execute("ALTER TABLE %s ENABLE ROW LEVEL SECURITY".formatted(table));
    var ran = doctor("--database-url", url);
    assertEquals(1, ran.exitCode(), ran.out());
    assertTrue(
        ran.out().contains("failed   row security: no policy of " + table + " (SELECT, INSERT"),
        ran.out());
    fixture.database.execute("CREATE POLICY p ON %s FOR SELECT USING (true)".formatted(table));
    assertTrue(
        doctor("--database-url", url).out().contains("no policy of " + table + " (INSERT, UPDATE"));
    fixture.database.execute("CREATE POLICY q ON %s TO current_user".formatted(table));
    assertEquals(1, doctor("--database-url", url).exitCode(), "that is for another role");
    fixture.database.execute("CREATE POLICY r ON %s".formatted(table));
    var warned = doctor("--database-url", url);
    assertEquals(0, warned.exitCode(), warned.out());
    assertTrue(warned.out().contains("warning  row security: policies of " + table), warned.out());
    assertFalse(doctor().out().contains("row security"), "the owner sees it all");
  }

  @Test
  void whoMayCreateInTheSchemaIsWarnedOfByDoctorAndMigrate() throws IOException {
    fixture.database.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    assertFalse(doctor().out().contains("may create functions"));
    role();
    fixture.database.execute("GRANT CREATE ON SCHEMA public TO " + role);
    String expected = role + " may create functions and operators in the schema of cape_issues";
    var ran = doctor();
    assertEquals(0, ran.exitCode(), ran.out());
    assertTrue(ran.out().contains("warning  schema: " + expected), ran.out());
    var migrated = fixture.run("migrate");
    assertEquals(0, migrated.exitCode());
    assertTrue(migrated.err().contains(expected), migrated.err());
    fixture.database.execute("GRANT CREATE ON SCHEMA public TO PUBLIC");
    assertTrue(doctor().out().contains("warning  schema: every role (PUBLIC) may create"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"SQL_ASCII", "WIN1252"})
  void databaseInAnotherEncodingIsWarnedOf(String encoding) throws IOException {
    String url = new OperatorFixture(TestDatabase.createWithEncoding(encoding)).database.url();
    var ran = doctor("--database-url", url);
    assertEquals(0, ran.exitCode(), ran.out());
    assertTrue(
        ran.out().contains("warning  characters: the database is in " + encoding), ran.out());
  }

  /** The URL for a role of its own that may use all tables. */
  private String role() {
    fixture.database.execute(
        """
        CREATE ROLE %1$s LOGIN PASSWORD 's3cr3t';
        GRANT ALL ON ALL TABLES IN SCHEMA public TO %1$s;
        GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO %1$s
        """
            .formatted(role));
    return fixture.database.url().replaceFirst("//[^@]*@", "//" + role + ":s3cr3t@");
  }

  @AfterEach
  void dropRole() {
    if (fixture.value("SELECT count(*) FROM pg_roles WHERE rolname = '" + role + "'").equals("1")) {
      fixture.database.execute("DROP OWNED BY " + role);
      fixture.database.execute("DROP ROLE " + role);
    }
  }

  @Test
  void logDirectoryThatOthersCanReplaceIsFailed() throws IOException {
    Path open = Files.createDirectory(directory.resolve("open"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
    var ran = doctor("--log-dir", open.resolve("logs").toString());
    assertEquals(1, ran.exitCode(), ran.out());
    for (String check : new String[] {"log directory", "state directory"}) {
      assertTrue(
          ran.out().contains("failed   " + check + ": other users can write to " + open),
          ran.out());
    }
  }

  @Test
  void poolerInTransactionModeIsToldByItsLackOfNotifications() throws IOException {
    PgBouncer.require();
    var ran = doctor("--database-url", fixture.database.throughPgBouncer().url());
    assertEquals(0, ran.exitCode(), ran.out());
    assertTrue(ran.out().contains("warning  pooling: notifications do not arrive"), ran.out());
    var direct = doctor("--database-url", fixture.database.direct().url());
    assertTrue(direct.out().contains("ok       pooling: "), direct.out());
  }

  @Test
  void serversZoneOtherThanUtcIsWarnedOf() throws IOException {
    fixture.database.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''America/Lima''', current_database()); END $$");
    var ran = doctor();
    assertEquals(0, ran.exitCode(), ran.out());
    assertTrue(
        ran.out().contains("warning  time zone: the server's seems to be America/Lima"), ran.out());
  }

  private OperatorFixture.Ran doctor(String... arguments) throws IOException {
    Path adw = directory.resolve("adw");
    if (Files.notExists(adw)) {
      Files.writeString(adw, "#!/bin/bash\n");
      Files.setPosixFilePermissions(adw, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    List<String> all = new ArrayList<>(List.of("doctor"));
    List<String> given = List.of(arguments);
    defaults(all, given, "--database-url", fixture.database.url());
    defaults(all, given, "--working-dir", directory.toString());
    defaults(all, given, "--log-dir", directory.resolve("logs").toString());
    defaults(all, given, "--command", "./adw {id} {description}");
    all.addAll(given);
    return OperatorFixture.bare(all.toArray(String[]::new));
  }

  private static void defaults(List<String> all, List<String> given, String option, String value) {
    if (!given.contains(option)) {
      all.add(option);
      all.add(value);
    }
  }
}
