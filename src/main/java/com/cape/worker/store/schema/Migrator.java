package com.cape.worker.store.schema;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import java.time.Duration;
import java.util.Optional;
import javax.sql.DataSource;

/** Brings the schema up to date. Any number of workers may do so at the same moment. */
public final class Migrator {
  static final String HISTORY = "cape_worker_schema_history";
  public static final int NEWEST = 5;
  // Long enough for a table of millions of rows; a lock that is not free fails much earlier.
  private static final Duration STATEMENT_LIMIT = Duration.ofHours(1);

  private final Database database;

  /** A migrator with connections of its own. */
  public Migrator(DatabaseUrl url) {
    this(Database.unpooled(url, "cape-worker migrate", STATEMENT_LIMIT));
  }

  /** A migrator that takes its connections from there. */
  public Migrator(DataSource dataSource) {
    this(new Database(dataSource));
  }

  /** A migrator on that connection, to ask whether it is up to date. */
  public Migrator(Database database) {
    this.database = database;
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
      new FlywayMigrations(database, permittedSchema()).run(this::upToDate);
    }
  }

  /**
   * The SQL that {@link #migrate} would run, for a role that may; it leaves the same history
   * behind. Empty when there is nothing to do.
   */
  public String pendingSql() {
    return upToDate() ? "" : new FlywayMigrations(database, target().schema()).print();
  }

  // Asked before anything is written: a history that this role owned would be in the owner's way.
  private String permittedSchema() {
    Target target = target();
    if (target.forbidden().isPresent()) {
      throw new StoreException(
          StoreException.Kind.FORBIDDEN,
          "42501",
          "cannot bring the schema up to date: this role may not "
              + target.forbidden().get()
              + FlywayMigrations.LET_THE_OWNER);
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
}
