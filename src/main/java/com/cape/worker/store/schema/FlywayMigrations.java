package com.cape.worker.store.schema;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;

/** The one class that knows Flyway, so that it is loaded only when it is needed. */
final class FlywayMigrations {
  private static final String LOCATION = "db/migration";
  private static final Set<String> LOCKED = Set.of("55P03", "40P01");
  private static final int TRIES_FOR_A_LOCK = 3;
  private static final Duration BETWEEN_TRIES = Duration.ofMillis(500);
  private static final Duration LONGEST_WAIT = Duration.ofMinutes(2);
  // Any number that only this program uses: "cape" in ASCII.
  private static final long ADVISORY_LOCK = 0x63617065;
  static final String LET_THE_OWNER =
      "; let the tables' owner run what 'cape-worker migrate --print' prints";

  private static final String SEARCH_PATH =
      """
      DO $$ BEGIN
        PERFORM set_config('search_path', '"%s", ' || current_setting('search_path'), true);
      END $$;
      """;

  // As Flyway creates it on PostgreSQL.
  private static final String CREATE_HISTORY =
      """
      CREATE TABLE IF NOT EXISTS %1$s (
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
      CREATE INDEX IF NOT EXISTS %1$s_s_idx ON %1$s (success);
      """
          .formatted(Migrator.HISTORY);

  private static final String REMEMBER =
      """
      INSERT INTO %s (installed_rank, version, description, type, script, checksum,
                      installed_by, execution_time, success)
      SELECT coalesce(max(installed_rank), 0) + 1, '%s', '%s', 'SQL', '%s', %d,
             current_user, 0, true
        FROM %1$s;
      """;

  private static final String BEGUN =
      "SELECT count(*) > 0 AS found FROM " + Migrator.HISTORY + " WHERE version IN (%s)";

  private static final String GRANTS =
      """
      -- What the worker's role needs, if it is not the owner:
      -- GRANT SELECT, INSERT, UPDATE, DELETE
      --    ON cape_issues, cape_issue_attempts, cape_workers, cape_pauses TO <worker role>;
      -- GRANT USAGE ON SEQUENCE cape_issues_id_seq TO <worker role>;
      -- GRANT SELECT ON %s TO <worker role>;
      -- GRANT EXECUTE ON FUNCTION cape_claim_next, cape_settle_attempt TO <worker role>;
      """
          .formatted(Migrator.HISTORY);

  private final Database database;
  private final String schema;
  private final Flyway flyway;

  /**
   * Migrations that have not run yet.
   *
   * @param schema the one of cape_issues
   */
  FlywayMigrations(Database database, String schema) {
    this.database = database;
    this.schema = schema;
    this.flyway =
        Flyway.configure()
            .dataSource(database.dataSource())
            .locations("classpath:" + LOCATION)
            .defaultSchema(schema)
            .createSchemas(false)
            .table(Migrator.HISTORY)
            .ignoreMigrationPatterns("*:future")
            .load();
  }

  /**
   * Runs them, unless another worker has done so meanwhile. All in one transaction, and not by
   * Flyway itself: that one changes the search path of its sessions, which through a pooler are
   * other programs' sessions a moment later, and needs several of them at once.
   */
  void run(BooleanSupplier upToDate) {
    Instant start = Instant.now();
    int failures = 0;
    while (!upToDate.getAsBoolean()) {
      try {
        if (ranAll()) {
          return;
        }
      } catch (StoreException e) {
        // Whoever reads the table waits behind one who waits for its lock: better to let go and
        // come back.
        if (!LOCKED.contains(e.sqlState()) || ++failures == TRIES_FOR_A_LOCK) {
          throw readable(e);
        }
      }
      if (start.plus(LONGEST_WAIT).isBefore(Instant.now())) {
        throw readable(
            new StoreException(StoreException.Kind.UNAVAILABLE, "", "another process is at it"));
      }
      pause();
    }
  }

  /** False when another process does, or did some of it since this one looked. */
  private boolean ranAll() {
    List<MigrationInfo> pending = pending();
    if (pending.isEmpty()) {
      return false;
    }
    List<String> begun = pending.stream().map(one -> "'" + one.getVersion() + "'").toList();
    String script = script(pending);
    return database.exclusively(
        ADVISORY_LOCK,
        statement -> {
          statement.setEscapeProcessing(false);
          statement.execute(preparation());
          try (ResultSet row = statement.executeQuery(BEGUN.formatted(String.join(",", begun)))) {
            row.next();
            if (row.getBoolean("found")) {
              return false;
            }
          }
          statement.execute(script);
          return true;
        });
  }

  private static void pause() {
    try {
      Thread.sleep(BETWEEN_TRIES.toMillis());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw readable(new StoreException(StoreException.Kind.UNAVAILABLE, "", "interrupted"));
    }
  }

  /** The same as text. */
  String print() {
    return "BEGIN;\n" + preparation() + script(pending()) + "COMMIT;\n\n" + GRANTS;
  }

  private String preparation() {
    return SEARCH_PATH.formatted(schema.replace("\"", "\"\"").replace("'", "''")) + CREATE_HISTORY;
  }

  private List<MigrationInfo> pending() {
    try {
      return List.of(flyway.info().pending());
    } catch (FlywayException e) {
      String line = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw readable(
          sqlCause(e)
              .map(database::explained)
              .orElseGet(() -> new StoreException(StoreException.Kind.SCHEMA, "", line, e)));
    }
  }

  private static String script(List<MigrationInfo> pending) {
    var script = new StringBuilder();
    for (MigrationInfo migration : pending) {
      script
          .append('\n')
          .append(text(migration.getScript()))
          .append('\n')
          .append(
              REMEMBER.formatted(
                  Migrator.HISTORY,
                  migration.getVersion(),
                  migration.getDescription(),
                  migration.getScript(),
                  migration.getChecksum()));
    }
    return script.toString();
  }

  private static String text(String script) {
    try (InputStream file =
        FlywayMigrations.class.getResourceAsStream("/" + LOCATION + "/" + script)) {
      return new String(file.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static StoreException readable(StoreException thrown) {
    String advice =
        switch (thrown.kind()) {
          case FORBIDDEN -> LET_THE_OWNER;
          case UNAVAILABLE ->
              LOCKED.contains(thrown.sqlState())
                  ? "; a long transaction, or a vacuum, holds cape_issues"
                  : "";
          case CREDENTIALS, UNKNOWN_DATABASE, SCHEMA, OTHER -> "";
        };
    return new StoreException(
        thrown.kind(),
        thrown.sqlState(),
        "cannot bring the schema up to date: " + thrown.getMessage() + advice,
        thrown);
  }

  private static Optional<SQLException> sqlCause(Throwable thrown) {
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException sql) {
        return Optional.of(sql);
      }
    }
    return Optional.empty();
  }
}
