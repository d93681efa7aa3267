package com.cape.worker.store.schema;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.testing.TestDatabase;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;

/** The schema as earlier versions left it, with Flyway's history. */
final class OlderSchema {
  private static final List<String> SCRIPTS =
      List.of(
          "V1__issues_attempts_workers.sql",
          "V2__notifications.sql",
          "V3__claim_and_settle.sql",
          "V4__operators.sql",
          "V5__vacuum.sql");

  private OlderSchema() {}

  /** The first so many of its migrations. */
  static void create(TestDatabase database, int versions) {
    database.execute(
        """
        CREATE TABLE cape_worker_schema_history (
            installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50), description VARCHAR(200) NOT NULL,
            type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum INTEGER,
            installed_by VARCHAR(100) NOT NULL, installed_on TIMESTAMP NOT NULL DEFAULT now(),
            execution_time INTEGER NOT NULL, success BOOLEAN NOT NULL);
        """);
    for (int version = 1; version <= versions; version++) {
      String script = SCRIPTS.get(version - 1);
      database.execute("BEGIN;" + text(script) + "COMMIT");
      database.execute(
          """
          INSERT INTO cape_worker_schema_history (installed_rank, version, description, type, script, checksum,
                                                  installed_by, execution_time, success)
          VALUES (%d, '%d', 'x', 'SQL', '%s', 1, 'x', 0, true)
          """
              .formatted(version, version, script));
    }
  }

  private static String text(String script) {
    try (InputStream file =
        OlderSchema.class.getResourceAsStream("/migration-of-48e19fd/" + script)) {
      return new String(file.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
