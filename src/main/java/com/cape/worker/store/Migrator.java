package com.cape.worker.store;

import com.cape.worker.config.DatabaseUrl;
import java.time.Duration;
import javax.sql.DataSource;

/** Brings the schema up to date. Any number of workers may do so at the same moment. */
public final class Migrator {
  static final String HISTORY = "cape_worker_schema_history";
  static final int NEWEST = 1;
  // Long enough for a table of millions of rows; a lock that is not free fails much earlier.
  private static final Duration STATEMENT_LIMIT = Duration.ofHours(1);

  private final DataSource dataSource;
  private final Database database;

  /** A migrator with connections of its own. */
  public Migrator(DatabaseUrl url) {
    this(Database.driver(url, "cape-worker migrate", STATEMENT_LIMIT));
  }

  /** A migrator that takes its connections from there. */
  public Migrator(DataSource dataSource) {
    this.dataSource = dataSource;
    this.database = new Database(dataSource);
  }

  private static final String HISTORY_EXISTS = "SELECT to_regclass(?) IS NOT NULL AS found";

  private static final String APPLIED =
      "SELECT count(*) > 0 AS found FROM "
          + HISTORY
          + " WHERE success AND version ~ '^[0-9]+$' AND version::int >= ?";

  /** Whether this JAR finds all that it needs; a newer schema has it too. */
  public boolean upToDate() {
    return database
            .queryOne(HISTORY_EXISTS, bind -> bind.text(HISTORY), row -> row.getBoolean("found"))
            .orElseThrow()
        && database
            .queryOne(APPLIED, bind -> bind.number(NEWEST), row -> row.getBoolean("found"))
            .orElseThrow();
  }

  /** Runs the migrations that are missing. Flyway is not even loaded when there are none. */
  public void migrate() {
    if (!upToDate()) {
      new FlywayMigrations(dataSource).run();
    }
  }

  /**
   * The SQL that {@link #migrate} would run, for a role that may; it leaves the same history
   * behind. Empty when there is nothing to do.
   */
  public String pendingSql() {
    return upToDate() ? "" : new FlywayMigrations(dataSource).print();
  }
}
