package com.cape.worker.store.schema;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.RepositoryFixture;
import com.cape.worker.testing.TestDatabase;
import java.sql.Connection;
import java.util.Collections;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import javax.sql.DataSource;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.ds.PGSimpleDataSource;

@Tag("database")
@Timeout(60)
class MigratorTest {
  private final TestDatabase database = TestDatabase.create();
  private final Migrator migrator = new Migrator(database.dataSource());

  @Test
  void insertOfJustADescriptionIsDueAtOnce() {
    migrator.migrate();
    database.execute("INSERT INTO cape_issues (description) VALUES ('x')");
    assertEquals(
        "t", database.value("SELECT status = 'pending' AND run_after <= now() FROM cape_issues"));
  }

  @Test
  void upToDateOnlyOnceItHasRun() {
    assertFalse(migrator.upToDate());
    migrator.migrate();
    assertTrue(migrator.upToDate());
    assertEquals("", migrator.pendingSql());
    migrator.migrate();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT 1",
        "CREATE TABLE other (id int)",
        "CREATE TABLE cape_issues (id serial, description text NOT NULL, status text)"
      })
  void eightAtOnceAllComeUp(String before) throws Exception {
    database.execute(before);
    var threads = Executors.newFixedThreadPool(8);
    try {
      var together = new CyclicBarrier(8);
      Callable<Boolean> start =
          () -> {
            var own = new Migrator(database.dataSource());
            together.await();
            own.migrate();
            return own.upToDate();
          };
      for (Future<Boolean> done : threads.invokeAll(Collections.nCopies(8, start))) {
        assertTrue(done.get());
      }
    } finally {
      threads.shutdownNow();
    }
    assertEquals(
        "1", database.value("SELECT count(*) FROM cape_worker_schema_history WHERE version = '8'"));
  }

  @Test
  void schemaOfTheMigrationBeforeIsExtendedUnderItsWorkers() {
    migrator.migrate();
    database.execute(
        """
        UPDATE cape_worker_schema_history SET version = '6';
        DROP VIEW cape_pause_phases;
        ALTER TABLE cape_issue_attempts DROP COLUMN adopted_at, DROP COLUMN adoptions, DROP COLUMN account,
              DROP CONSTRAINT cape_issue_attempts_outcome_check,
              ADD CONSTRAINT cape_issue_attempts_outcome_check CHECK (outcome IN ('running', 'completed', 'lost'));
        ALTER TABLE cape_pauses ALTER scope TYPE varchar(100), DROP COLUMN kind, DROP COLUMN failures, DROP COLUMN issue_id,
              DROP COLUMN line, DROP COLUMN probe_run, DROP COLUMN ramp_step, DROP COLUMN ramp_turn, DROP COLUMN ramp_claims;
        ALTER TABLE cape_workers DROP COLUMN account;
        ALTER TABLE cape_workers DROP COLUMN drain_hand_over CASCADE, DROP CONSTRAINT cape_workers_state_check,
              ADD CONSTRAINT cape_workers_state_check CHECK (state IN ('idle', 'working', 'draining', 'paused', 'stopped'));
        CREATE TRIGGER cape_notify_drain AFTER UPDATE ON cape_workers FOR EACH ROW
          WHEN (NEW.drain_requested_for IS NOT NULL) EXECUTE FUNCTION cape_notify_changed('worker');
        INSERT INTO cape_workers (worker_id, instance, host, pid, version, state)
        VALUES ('old', gen_random_uuid(), 'host', 1, '0', 'working')
        """);
    assertFalse(migrator.upToDate());
    migrator.migrate();
    assertTrue(migrator.upToDate());
    database.execute("UPDATE cape_workers SET state = 'handing_over', drain_hand_over = true");
    database.execute(
        "INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid, outcome,"
            + " lease_expires_at) VALUES (1, 1, 1, gen_random_uuid(), 'w', gen_random_uuid(), 'h', 1, 'overloaded', now())");
    assertEquals(
        "1", database.value("SELECT count(*) FROM pg_trigger WHERE tgname = 'cape_notify_drain'"));
  }

  @Test
  void newerSchemaIsLeftToANewerJar() {
    migrator.migrate();
    database.execute(
        """
        INSERT INTO cape_worker_schema_history (installed_rank, version, description, type, script,
                                                checksum, installed_by, execution_time, success)
        VALUES (90, '99', 'later', 'SQL', 'V99__later.sql', 1, 'x', 0, true)
        """);
    assertTrue(migrator.upToDate());
    migrator.migrate();
  }

  @Test
  void scriptMayBeRunAgain() {
    migrator.migrate();
    database.execute("UPDATE cape_issues SET run_after = '2020-01-01'");
    String structure = Structure.of(database).toString();
    database.execute("BEGIN;" + Migrator.script("public") + "COMMIT");
    assertEquals(structure, Structure.of(database).toString());
    assertEquals("1", database.value("SELECT count(*) FROM cape_worker_schema_history"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "fillfactor = 100 | 0.01 1000 on",
        "autovacuum_vacuum_scale_factor = 0.5, vacuum_index_cleanup = off | 0.5 1000 off"
      })
  void issuesAreVacuumedEarlyUnlessSomebodyHasSetWhen(String before, String after) {
    database.execute(
        "CREATE TABLE cape_issues (id serial, description text, status text) WITH (%s)"
            .formatted(before));
    migrator.migrate();
    assertEquals(
        after,
        database.value(
            """
            SELECT string_agg(option_value, ' ' ORDER BY option_name)
              FROM pg_class, pg_options_to_table(reloptions)
             WHERE oid = 'cape_issues'::regclass AND option_name LIKE '%vacuum%'
            """));
  }

  @Test
  void lockThatIsNeverFreeEndsInAReadableFailure() throws Exception {
    database.execute("CREATE TABLE cape_issues (id serial, description text, status text)");
    try (Connection other = database.dataSource().getConnection()) {
      other.setAutoCommit(false);
      other.createStatement().execute("SELECT * FROM cape_issues");
      var failure = assertThrows(StoreException.class, migrator::migrate);
      assertEquals("55P03", failure.sqlState());
      assertEquals(StoreException.Kind.BUSY, failure.kind());
      assertTrue(failure.getMessage().contains("a long transaction"), failure.getMessage());
      other.rollback();
    }
    migrator.migrate();
  }

  @Test
  void roleThatMayNotAlterIsToldWhatToDoAndLeavesNothingBehind() {
    DataSource plain = plainRole();
    database.execute("CREATE TABLE cape_issues (id serial, description text, status text)");
    database.execute("GRANT CREATE ON SCHEMA public TO cape_migrates_not");
    var failure = assertThrows(StoreException.class, () -> new Migrator(plain).migrate());
    assertEquals(StoreException.Kind.FORBIDDEN, failure.kind());
    assertTrue(failure.getMessage().contains("cape-worker migrate --print"), failure.getMessage());
    assertEquals("null", database.value("SELECT to_regclass('cape_worker_schema_history')::text"));
  }

  @Test
  void roleThatMayNotCreateIsToldWhatToDo() {
    DataSource plain = plainRole();
    database.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC, cape_migrates_not");
    var failure = assertThrows(StoreException.class, () -> new Migrator(plain).migrate());
    assertEquals(StoreException.Kind.FORBIDDEN, failure.kind());
    assertTrue(failure.getMessage().contains("cape-worker migrate --print"), failure.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT 1",
        "CREATE TABLE cape_issues (id serial, description text, status text DEFAULT 'pending')"
      })
  void printedSqlBringsTheSchemaUpForAnotherRole(String before) {
    DataSource plain = plainRole();
    database.execute(before);
    String script = new Migrator(plain).pendingSql();

    database.execute(script);

    database.execute(
        """
        GRANT SELECT, INSERT, UPDATE
           ON cape_issues, cape_issue_attempts, cape_workers, cape_pauses, cape_refusals, cape_due_issues
           TO cape_migrates_not;
        GRANT SELECT ON cape_worker_schema_history TO cape_migrates_not;
        GRANT USAGE ON SEQUENCE cape_issues_id_seq TO cape_migrates_not;
        """);
    var worker = new Migrator(plain);
    worker.migrate();
    assertTrue(worker.upToDate());
    assertEquals("", worker.pendingSql());
    RepositoryFixture.claimAndSettle(new Database(plain));
  }

  @Test
  void newestNamesTheLastScript() {
    migrator.migrate();
    assertEquals(
        String.valueOf(Migrator.NEWEST),
        database.value("SELECT max(version::int) FROM cape_worker_schema_history"));
  }

  private static final String AS_AN_OLDER_WORKER =
      """
      INSERT INTO cape_issues (description) VALUES ('an issue');
      WITH claimed AS (
        UPDATE cape_issues SET status = 'started', attempts = attempts + 1, fence = fence + 1
         WHERE status = 'pending'
        RETURNING id, attempts, fence
      )
      INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid, lease_expires_at)
      SELECT id, attempts, fence, gen_random_uuid(), 'old', gen_random_uuid(), 'host', 1, now() FROM claimed;
      UPDATE cape_issue_attempts SET outcome = 'completed' WHERE outcome = 'running';
      UPDATE cape_issues SET status = 'completed' WHERE status = 'started'
      """;

  @Test
  void olderSchemaIsBroughtUpWhileWorkersAreAtWork() throws Exception {
    OlderSchema.create(database, 1);
    assertFalse(migrator.upToDate());
    var stop = new AtomicBoolean();
    var work =
        CompletableFuture.runAsync(
            () -> {
              do {
                database.execute(AS_AN_OLDER_WORKER);
              } while (!stop.get());
            });
    migrator.migrate();
    assertTrue(migrator.upToDate());
    stop.set(true);
    work.get(20, TimeUnit.SECONDS);
  }

  private DataSource plainRole() {
    database.execute(
        """
        DO $$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cape_migrates_not') THEN
            CREATE ROLE cape_migrates_not LOGIN;
          END IF;
        END $$
        """);
    var owner = (PGSimpleDataSource) database.dataSource();
    var plain = new PGSimpleDataSource();
    plain.setURL(owner.getUrl());
    plain.setUser("cape_migrates_not");
    return plain;
  }
}
