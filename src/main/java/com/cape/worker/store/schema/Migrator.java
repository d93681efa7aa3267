package com.cape.worker.store.schema;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import javax.sql.DataSource;

/** Brings the schema up to date. Any number of workers may do so at the same moment. */
public final class Migrator {
  public static final int NEWEST = 8;
  static final String HISTORY = "cape_worker_schema_history";
  static final String SCRIPT = "V8__base.sql";
  // Long enough for a table of millions of rows.
  private static final Duration STATEMENT_LIMIT = Duration.ofHours(1);
  private static final Set<String> LOCKED = Set.of("55P03", "40P01");
  private static final int TRIES_FOR_A_LOCK = 3;
  private static final Duration BETWEEN_TRIES = Duration.ofMillis(500);
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(2);
  // Any number that only this program uses: "cape" in ASCII.
  private static final long ADVISORY_LOCK = 0x63617065;

  private final Database database;

  public Migrator(DatabaseUrl url) {
    this(Database.unpooled(url, "cape-worker migrate", STATEMENT_LIMIT));
  }

  public Migrator(DataSource dataSource) {
    this(new Database(dataSource));
  }

  public Migrator(Database database) {
    this.database = database;
  }

  private static final String HISTORY_EXISTS =
      "SELECT to_regclass('" + HISTORY + "') IS NOT NULL AS found";

  // The view reads another table where cape_issues was renamed or dropped, and created again.
  private static final String APPLIED =
      """
      SELECT EXISTS (SELECT FROM %s
                      WHERE success AND version::text ~ '^[0-9]+$' AND version::text::integer >= %d)
         AND EXISTS (SELECT FROM pg_rewrite r JOIN pg_depend d ON d.objid = r.oid
                      WHERE d.classid = 'pg_rewrite'::regclass AND r.ev_class = to_regclass('cape_due_issues')
                        AND d.refobjid = to_regclass('cape_issues')) AS found
      """
          .formatted(HISTORY, NEWEST);

  /** A newer schema counts, too. */
  public boolean upToDate() {
    return found(HISTORY_EXISTS) && found(APPLIED);
  }

  private boolean found(String sql) {
    return database.queryOne(sql, bind -> {}, row -> row.getBoolean("found")).orElseThrow();
  }

  /** In one transaction, unless another process does so first. */
  public void migrate() {
    if (upToDate()) {
      return;
    }
    String script = script(permittedSchema());
    Instant start = Instant.now();
    int failures = 0;
    do {
      try {
        if (database.exclusively(ADVISORY_LOCK, statement -> ran(statement, script))) {
          return;
        }
      } catch (StoreException e) {
        // Other sessions queue behind one that waits for the table's lock: give up, and try again.
        if (!LOCKED.contains(e.sqlState()) || ++failures == TRIES_FOR_A_LOCK) {
          throw readable(e);
        }
      }
      if (start.plus(LONGEST_WAIT).isBefore(Instant.now())) {
        throw readable(
            new StoreException(StoreException.Kind.BUSY, "", "another process migrates"));
      }
      pause();
    } while (!upToDate());
  }

  /** False when another process has done it since this one looked. */
  private static boolean ran(Statement statement, String script) throws SQLException {
    statement.setEscapeProcessing(false);
    boolean done = Database.holds(statement, HISTORY_EXISTS) && Database.holds(statement, APPLIED);
    if (!done) {
      statement.execute(script);
    }
    return !done;
  }

  private static void pause() {
    try {
      Thread.sleep(BETWEEN_TRIES.toMillis());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw readable(new StoreException(StoreException.Kind.UNAVAILABLE, "", "interrupted"));
    }
  }

  private static final String GRANTS =
      """
      -- What the worker's role needs, if it is not the owner:
      -- GRANT SELECT, INSERT, UPDATE, DELETE ON cape_issues, cape_issue_attempts, cape_workers, cape_pauses,
      --    cape_refusals TO <worker role>;
      -- GRANT SELECT, UPDATE ON cape_due_issues TO <worker role>;
      -- GRANT SELECT ON cape_pause_phases TO <worker role>;
      -- GRANT USAGE ON SEQUENCE cape_issues_id_seq TO <worker role>;
      -- GRANT SELECT ON %s TO <worker role>;
      """
          .formatted(HISTORY);

  /** The SQL that {@link #migrate} would run; empty when there is nothing to do. */
  public String pendingSql() {
    return upToDate() ? "" : "BEGIN;\n" + script(target().schema()) + "COMMIT;\n\n" + GRANTS;
  }

  // The history is as Flyway creates and fills it, which earlier versions used.
  private static final String BEGIN =
      """
      SET LOCAL lock_timeout = '2s';
      SET LOCAL search_path = pg_catalog, pg_temp;
      CREATE TABLE IF NOT EXISTS ${schema}.%1$s (
          installed_rank INT NOT NULL,
          version VARCHAR(50),
          description VARCHAR(200) NOT NULL,
          type VARCHAR(20) NOT NULL,
          script VARCHAR(1000) NOT NULL,
          checksum INTEGER,
          installed_by VARCHAR(100) NOT NULL,
          installed_on TIMESTAMP NOT NULL DEFAULT now(),
          execution_time INTEGER NOT NULL,
          success BOOLEAN NOT NULL,
          CONSTRAINT %1$s_pk PRIMARY KEY (installed_rank)
      );
      CREATE INDEX IF NOT EXISTS %1$s_s_idx ON ${schema}.%1$s (success);

      """
          .formatted(HISTORY);

  private static final String END =
      """

      INSERT INTO ${schema}.%1$s (installed_rank, version, description, type, script, checksum,
                      installed_by, execution_time, success)
      SELECT coalesce(max(installed_rank), 0) + 1, '%2$d', 'base', 'SQL', '%3$s', NULL, current_user, 0, true
        FROM ${schema}.%1$s
      HAVING count(*) FILTER (WHERE version::text = '%2$d') = 0;
      """
          .formatted(HISTORY, NEWEST, SCRIPT);

  static String script(String schema) {
    String quoted = '"' + schema.replace("\"", "\"\"") + '"';
    try (InputStream file = Migrator.class.getResourceAsStream("/db/migration/" + SCRIPT)) {
      String text = new String(file.readAllBytes(), UTF_8);
      return (BEGIN + text + END).replace("${schema}", quoted);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  // Asked before anything is written: a history table of this role would block the owner.
  private String permittedSchema() {
    Target target = target();
    if (target.forbidden().isPresent()) {
      throw readable(
          new StoreException(
              StoreException.Kind.FORBIDDEN,
              "42501",
              "this role may not " + target.forbidden().get()));
    }
    return target.schema();
  }

  private record Target(String schema, Optional<String> forbidden) {}

  private static final String TARGET =
      """
      SELECT n.nspname,
             CASE WHEN NOT coalesce(pg_has_role(c.relowner, 'USAGE'), true)
                  THEN 'change the table cape_issues'
                  WHEN NOT has_schema_privilege(n.oid, 'CREATE')
                  THEN 'create tables in the schema ' || n.nspname
             END AS forbidden
        FROM (SELECT to_regclass('cape_issues') AS oid) AS issues
        LEFT JOIN pg_class c ON c.oid = issues.oid
        JOIN pg_namespace n ON n.oid = coalesce(
               c.relnamespace, (SELECT oid FROM pg_namespace WHERE nspname = current_schema()))
      """;

  private Target target() {
    return database
        .queryOne(
            TARGET,
            bind -> {},
            row ->
                new Target(
                    row.getString("nspname"), Optional.ofNullable(row.getString("forbidden"))))
        .orElseThrow(
            () ->
                new StoreException(
                    StoreException.Kind.SCHEMA, "", "no schema of the search_path exists"));
  }

  private static StoreException readable(StoreException thrown) {
    String advice = "";
    if (thrown.kind() == StoreException.Kind.FORBIDDEN) {
      advice = "; let the tables' owner run what 'cape-worker migrate --print' prints";
    } else if (LOCKED.contains(thrown.sqlState())) {
      advice = "; a long transaction, or a vacuum, holds cape_issues";
    }
    return new StoreException(
        thrown.kind(),
        thrown.sqlState(),
        "cannot bring the schema up to date: " + thrown.getMessage() + advice,
        thrown);
  }
}
