package com.cape.worker.store;

import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;

/** Brings the schema up to date. Any number of workers may do so at the same moment. */
public final class Migrator {
  private static final String HISTORY = "cape_worker_schema_history";

  private final DataSource dataSource;

  public Migrator(DataSource dataSource) {
    this.dataSource = dataSource;
  }

  /**
   * Runs the migrations that are missing; a schema newer than this JAR is left as it is. The JVM's
   * default time zone must be UTC: times without a zone are read in the session's.
   */
  public void migrate() {
    try {
      Flyway.configure()
          .dataSource(dataSource)
          .table(HISTORY)
          .baselineOnMigrate(true)
          .baselineVersion("0")
          .ignoreMigrationPatterns("*:future")
          .load()
          .migrate();
    } catch (FlywayException e) {
      throw new StoreException("cannot bring the schema up to date: " + e.getMessage(), "", e);
    }
  }
}
