package com.cape.worker.store.schema;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.RepositoryFixture;
import com.cape.worker.testing.TestDatabase;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TimeZone;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every form of cape_issues in use is taken over with nothing of it changed. */
@Tag("database")
@Timeout(60)
class TakeoverTest {
  private static final String OLDER_FORM =
      """
      CREATE TYPE helper AS ENUM ('tom', 'jerry');
      CREATE TABLE cape_issues (
        id serial PRIMARY KEY, description text NOT NULL,
        status text DEFAULT 'pending' CHECK (status IN ('pending', 'started', 'completed')),
        assigned_to helper, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
      CREATE INDEX by_status ON cape_issues (status);
      CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.updated_at = now(); RETURN NEW; END';
      CREATE TRIGGER touch BEFORE UPDATE ON cape_issues FOR EACH ROW EXECUTE FUNCTION touch();
      CREATE TRIGGER idle BEFORE UPDATE ON cape_issues FOR EACH ROW EXECUTE FUNCTION touch();
      CREATE TRIGGER always BEFORE UPDATE ON cape_issues FOR EACH ROW EXECUTE FUNCTION touch();
      ALTER TABLE cape_issues DISABLE TRIGGER idle;
      ALTER TABLE cape_issues ENABLE ALWAYS TRIGGER always;
      INSERT INTO cape_issues (description, status, created_at, updated_at, assigned_to) VALUES
        ('second', 'pending', '2026-01-02', '2026-01-03', 'tom'),
        ('first', 'pending', '2026-01-01', '2026-01-03', NULL),
        ('never', 'pending', NULL, NULL, NULL),
        ('future', 'pending', now() + interval '1 day', '2026-01-03', NULL),
        ('done', 'completed', '2025-01-01', '2025-01-02', 'jerry');
      """;

  private static final String DOCUMENTED_FORM =
      """
      CREATE TABLE cape_issues (
        id SERIAL PRIMARY KEY,
        description TEXT NOT NULL,
        status VARCHAR(20) NOT NULL DEFAULT 'pending',
        assigned_worker_id VARCHAR(100),
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        started_at TIMESTAMP,
        completed_at TIMESTAMP
      );
      INSERT INTO cape_issues (description, status, assigned_worker_id, created_at, updated_at, started_at, completed_at)
      VALUES ('second', 'pending', NULL, '2026-01-02', '2026-01-03', NULL, NULL),
             ('first', 'pending', 'someone', '2026-01-01', '2026-01-03', NULL, NULL),
             ('at work', 'started', 'older', '2026-01-01', '2026-01-03', '2026-01-01', NULL),
             ('done', 'completed', 'older', '2026-01-01', '2026-01-03', '2026-01-01', '2026-01-02');
      """;

  private final TestDatabase database = TestDatabase.create();
  private final Migrator migrator = new Migrator(database.dataSource());

  @Test
  void olderFormKeepsAllItHas() {
    database.execute(OLDER_FORM);
    assertNothingIsLost("id, description, status, assigned_to, created_at, updated_at");
    assertEquals(
        "first,second",
        database.value(
            "SELECT string_agg(description, ',' ORDER BY run_after)"
                + " FROM cape_issues WHERE status = 'pending' AND run_after < '2026-01-03'"));
    assertEquals(
        "2",
        database.value(
            """
            SELECT count(*) FROM cape_issues
             WHERE description IN ('never', 'future')
               AND run_after BETWEEN now() - interval '1 min' AND now()
            """));
    assertTakesEveryStatus();
    RepositoryFixture.claimAndSettle(new Database(database.dataSource()));
  }

  @Test
  void documentedFormKeepsAllItHas() {
    database.execute(DOCUMENTED_FORM);
    assertNothingIsLost(
        "id, description, status, assigned_worker_id, created_at, updated_at, started_at, completed_at");
    assertEquals(
        "2026-01-01 00:00:00",
        database.value(
            "SELECT run_after AT TIME ZONE 'UTC' FROM cape_issues WHERE description = 'first'"));
    RepositoryFixture.claimAndSettle(new Database(database.dataSource()));
    assertEquals(
        "started", database.value("SELECT status FROM cape_issues WHERE description = 'at work'"));
  }

  @Test
  void timesWithoutAZoneAreReadAsUtcWhateverTheZoneOfTheJvm() {
    TimeZone before = TimeZone.getDefault();
    TimeZone.setDefault(TimeZone.getTimeZone("America/New_York"));
    try {
      database.execute(DOCUMENTED_FORM);
      migrator.migrate();
    } finally {
      TimeZone.setDefault(before);
    }
    assertEquals(
        "2026-01-01 00:00:00",
        database.value(
            "SELECT run_after AT TIME ZONE 'UTC' FROM cape_issues WHERE description = 'first'"));
  }

  @Test
  void leastFormGetsTheMissingColumns() {
    database.execute(
        "CREATE TABLE cape_issues (id bigserial, description text, status text DEFAULT 'pending')");
    migrator.migrate();
    RepositoryFixture.claimAndSettle(new Database(database.dataSource()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "CHECK (status IN ('pending', 'started', 'completed'))",
        "CHECK (status = ANY (ARRAY['pending', 'started', 'completed', 'failed']))",
        "CHECK (status IN ('pending', 'started', 'completed') AND description <> '')",
        "CONSTRAINT \"Odd Name\" CHECK (status ~ '^(pending|started|completed)$') NO INHERIT"
      })
  void checkThatForbidsANewStatusIsWidened(String check) {
    database.execute(
        "CREATE TABLE cape_issues (id serial PRIMARY KEY, description text NOT NULL,"
            + " status varchar(20) NOT NULL DEFAULT 'pending', "
            + check
            + ")");
    database.execute("INSERT INTO cape_issues (description) VALUES ('x')");
    migrator.migrate();
    assertTakesEveryStatus();
    assertThrows(
        IllegalStateException.class,
        () -> database.execute("UPDATE cape_issues SET status = 'nonsense'"));
  }

  @Test
  void checkThatAllowsThemStaysAsItIs() {
    database.execute(
        """
        CREATE TABLE cape_issues (id serial PRIMARY KEY, description text NOT NULL,
          status text DEFAULT 'pending', completed_at timestamp,
          CONSTRAINT wide CHECK (status <> ''),
          CONSTRAINT dated CHECK (status <> 'completed' OR completed_at IS NOT NULL))
        """);
    String checks =
        "SELECT string_agg(pg_get_constraintdef(oid), ' ' ORDER BY conname) FROM pg_constraint"
            + " WHERE conrelid = 'cape_issues'::regclass AND contype = 'c'";
    String before = database.value(checks);
    migrator.migrate();
    assertEquals(before, database.value(checks));
  }

  @Test
  void constraintThatOldRowsBreakStaysUnchecked() {
    database.execute(
        """
        CREATE TABLE cape_issues (id serial PRIMARY KEY, description text, status text DEFAULT 'pending');
        INSERT INTO cape_issues (status) VALUES ('odd');
        ALTER TABLE cape_issues ADD CONSTRAINT narrow
          CHECK (status IN ('pending', 'started', 'completed')) NOT VALID
        """);
    migrator.migrate();
    assertEquals(
        "f", database.value("SELECT convalidated FROM pg_constraint WHERE conname = 'narrow'"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "CREATE VIEW cape_issues AS SELECT 1 AS id, ''::text AS description, ''::text AS status; no table",
        "CREATE TABLE cape_issues (id serial, description text); no column status",
        "CREATE TABLE cape_issues (description text, status text); no column id",
        "CREATE TABLE cape_issues (id serial, status text); no column description",
        "CREATE TABLE cape_issues (id uuid, description text, status text); cape_issues.id is of type uuid",
        "CREATE TYPE s AS ENUM ('pending'), CREATE TABLE cape_issues (id int, description text, status s); status is of type s",
        "CREATE DOMAIN d AS text CHECK (VALUE <> 'failed'), CREATE TABLE cape_issues (id int, description text, status d); status is of type d",
        "CREATE TABLE cape_issues (id serial, description text, status text, attempts text); attempts is of type text",
      })
  void formThatCannotBeUsedIsRefused(String sql, String reason) {
    database.execute(sql.replace("), CREATE", "); CREATE"));
    List<String> before = Structure.of(database);
    var failure = assertThrows(StoreException.class, migrator::migrate);
    assertEquals(StoreException.Kind.SCHEMA, failure.kind());
    assertTrue(failure.getMessage().contains(reason), failure.getMessage());
    assertEquals(before, Structure.of(database));
  }

  @Test
  void allTablesGoIntoTheSchemaOfTheIssues() {
    database.execute(
        """
        CREATE SCHEMA mine;
        CREATE SCHEMA "Odd Schema";
        CREATE TABLE "Odd Schema".cape_issues (id serial PRIMARY KEY, description text, status text DEFAULT 'pending');
        """);
    database.execute(
        "ALTER DATABASE "
            + database.value("SELECT current_database()")
            + " SET search_path = mine, \"Odd Schema\", public");
    String script = migrator.pendingSql();
    migrator.migrate();
    assertEquals(
        "cape_issue_attempts,cape_issues,cape_pauses,cape_refusals,cape_worker_schema_history,cape_workers",
        database.value(
            "SELECT string_agg(relname::text, ',' ORDER BY relname) FROM pg_class"
                + " WHERE relkind = 'r' AND relnamespace = '\"Odd Schema\"'::regnamespace"));
    assertTrue(migrator.upToDate());
    assertTrue(script.contains("\"Odd Schema\""));
    RepositoryFixture.claimAndSettle(new Database(database.dataSource()));
  }

  private void assertNothingIsLost(String columns) {
    String rows =
        "SELECT string_agg(r::text, ' ' ORDER BY id) FROM (SELECT %s FROM cape_issues) AS r"
            .formatted(columns);
    List<String> structure = Structure.of(database);
    String before = database.value(rows);

    migrator.migrate();

    assertEquals(before, database.value(rows));
    List<String> after = Structure.of(database);
    for (String line : structure) {
      assertTrue(after.contains(line), line);
    }
  }

  private void assertTakesEveryStatus() {
    for (String status : List.of("failed", "cancelled", "completed", "started", "pending")) {
      database.execute("UPDATE cape_issues SET status = '" + status + "'");
    }
  }

  @Test
  void databaseOfVersion5IsTakenOverWithWhatRunsAndWhatEnded() {
    OlderSchema.create(database, 5);
    database.execute(
        """
        INSERT INTO cape_issues (description) VALUES ('running'), ('done'), ('waiting'), ('rescued');
        SELECT cape_claim_next(gen_random_uuid(), 'old', gen_random_uuid(), 'host', 1, '/logs', 300)
          FROM generate_series(1, 2);
        SELECT cape_settle_attempt(run_id, 'completed', 0, NULL, NULL, 'tail', 'completed', true, -1, 0)
          FROM cape_issue_attempts WHERE issue_id = 2;
        INSERT INTO cape_workers (worker_id, instance, host, pid, version, state)
        VALUES ('old', gen_random_uuid(), 'host', 1, '0', 'working');
        INSERT INTO cape_pauses (scope, reason) VALUES ('someone', 'deploy')
        """);
    String all =
        "SELECT string_agg(t::text, ';' ORDER BY t::text) FROM (SELECT i::text FROM cape_issues i"
            + " UNION ALL SELECT (to_jsonb(a) - ARRAY['adopted_at', 'adoptions', 'account'])::text FROM cape_issue_attempts a"
            + " UNION ALL SELECT (to_jsonb(w) - ARRAY['drain_hand_over', 'account'])::text FROM cape_workers w"
            + " UNION ALL SELECT concat_ws(',', scope, paused_until, reason, created_at) FROM cape_pauses) AS t";
    String before = database.value(all);
    assertFalse(migrator.upToDate());
    migrator.migrate();
    assertTrue(migrator.upToDate());
    assertEquals(before, database.value(all));
    assertEquals("6", database.value("SELECT count(*) FROM cape_worker_schema_history"));

    var repository = new IssueRepository(new Database(database.dataSource()));
    Claim waiting = claim(repository).orElseThrow();
    assertEquals("waiting", waiting.description());
    // A worker of the older version goes on beside newer ones.
    assertEquals(
        "rescued",
        database.value(
            "SELECT description FROM cape_claim_next(gen_random_uuid(), 'old', gen_random_uuid(), 'h', 1, '/l', 300)"));
    assertEquals(
        "completed",
        database.value(
            "SELECT s.status FROM cape_issue_attempts,"
                + " cape_settle_attempt(run_id, 'completed', 0, NULL, NULL, '', 'completed', true, -1, 0) s"
                + " WHERE issue_id = 1"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"DROP TABLE cape_issues CASCADE", "ALTER TABLE cape_issues RENAME TO archive"})
  void tableThatWasCreatedAgainIsTakenOverAgain(String gone) {
    migrator.migrate();
    database.execute(gone + ";" + DOCUMENTED_FORM.replace("SERIAL", "BIGSERIAL"));
    assertFalse(migrator.upToDate());
    migrator.migrate();
    assertTrue(migrator.upToDate());
    RepositoryFixture.claimAndSettle(new Database(database.dataSource()));
  }

  @Test
  void version5WhoseTableWasCreatedAgainIsTakenOver() {
    OlderSchema.create(database, 5);
    database.execute("DROP TABLE cape_issues; " + DOCUMENTED_FORM);
    migrator.migrate();
    RepositoryFixture.claimAndSettle(new Database(database.dataSource()));
  }

  @Test
  void rowsThatHoldNothingInColumnsThatWereThereAreClaimedLikeOthers() {
    database.execute(
        """
        CREATE TABLE cape_issues (
          id serial PRIMARY KEY, description text NOT NULL, status text DEFAULT 'pending',
          priority integer, attempts integer, fence bigint, run_after timestamptz);
        INSERT INTO cape_issues (description, priority, run_after)
        VALUES ('none', NULL, NULL), ('high', 1, NULL), ('low', -1, NULL), ('due', NULL, '2026-01-01'),
               ('usual', 0, '2026-01-02'), ('later', 1, '2999-01-01');
        """);
    migrator.migrate();
    var repository = new IssueRepository(new Database(database.dataSource()));
    List<String> claimed = new ArrayList<>();
    for (Optional<Claim> claim = claim(repository); claim.isPresent(); claim = claim(repository)) {
      assertEquals(1, claim.get().attempt());
      assertEquals(1, claim.get().fence());
      claimed.add(claim.get().description());
    }
    assertEquals(List.of("high", "due", "usual", "none", "low"), claimed);
    database.execute("INSERT INTO cape_issues (description, run_after) VALUES ('new', NULL)");
    assertEquals("new", claim(repository).orElseThrow().description());
  }

  private static Optional<Claim> claim(IssueRepository repository) {
    return RepositoryFixture.claim(repository, ALICE);
  }
}
