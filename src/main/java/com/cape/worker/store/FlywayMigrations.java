package com.cape.worker.store;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.sql.SQLException;
import java.util.Optional;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.api.MigrationInfo;

/** The one class that knows Flyway, so that it is loaded only when it is needed. */
final class FlywayMigrations {
  private static final String LOCATION = "db/migration";
  private static final String LOCK_NOT_AVAILABLE = "55P03";
  private static final int TRIES_FOR_A_LOCK = 5;

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

  private static final String GRANTS =
      """
      -- What the worker's role needs, if it is not the owner:
      -- GRANT SELECT, UPDATE ON cape_issues TO <worker role>;
      -- GRANT SELECT, INSERT, UPDATE ON cape_issue_attempts, cape_workers, cape_pauses TO <worker role>;
      -- GRANT SELECT ON %s TO <worker role>;
      """
          .formatted(Migrator.HISTORY);

  private final Flyway flyway;

  FlywayMigrations(DataSource dataSource) {
    this.flyway =
        Flyway.configure()
            .dataSource(dataSource)
            .locations("classpath:" + LOCATION)
            .table(Migrator.HISTORY)
            .baselineOnMigrate(true)
            .baselineVersion("0")
            .ignoreMigrationPatterns("*:future")
            .load();
  }

  void run() {
    for (int attempt = 1; ; attempt++) {
      try {
        flyway.migrate();
        return;
      } catch (FlywayException e) {
        StoreException failure = explained(e);
        if (!failure.sqlState().equals(LOCK_NOT_AVAILABLE) || attempt == TRIES_FOR_A_LOCK) {
          throw failure;
        }
      }
    }
  }

  String print() {
    var script = new StringBuilder("BEGIN;\n").append(CREATE_HISTORY);
    for (MigrationInfo migration : flyway.info().pending()) {
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
    return script.append("COMMIT;\n\n").append(GRANTS).toString();
  }

  private static String text(String script) {
    try (InputStream file =
        FlywayMigrations.class.getResourceAsStream("/" + LOCATION + "/" + script)) {
      return new String(file.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static StoreException explained(FlywayException thrown) {
    Optional<StoreException> known = sqlCause(thrown).map(StoreException::of);
    String line =
        known
            .map(Throwable::getMessage)
            .orElseGet(() -> String.valueOf(thrown.getMessage()).lines().findFirst().orElse(""));
    StoreException.Kind kind = known.map(StoreException::kind).orElse(StoreException.Kind.SCHEMA);
    String advice =
        kind == StoreException.Kind.FORBIDDEN
            ? "; let the tables' owner run what 'cape-worker migrate --print' prints"
            : "";
    return new StoreException(
        kind,
        known.map(StoreException::sqlState).orElse(""),
        "cannot bring the schema up to date: " + line + advice,
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
