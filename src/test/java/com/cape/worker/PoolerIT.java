package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.PgBouncer;
import com.cape.worker.testing.WorkerProcess;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The JAR with the URL of a pooler in transaction mode, and no other setting for it. */
@Tag("database")
@Timeout(120)
class PoolerIT {
  @TempDir private Path directory;

  @Test
  void urlAsSupabasePrintsItWillDo() throws Exception {
    PgBouncer.require();
    var fixture = new JarFixture(directory, "echo $1 >>runs");
    String role = "postgres.ref" + ProcessHandle.current().pid();
    fixture.database.execute("CREATE ROLE \"%s\" LOGIN PASSWORD 'pw'".formatted(role));
    try {
      fixture.database.execute("GRANT CREATE ON SCHEMA public TO \"%s\"".formatted(role));
      String url =
          fixture
              .database
              .throughPgBouncer()
              .url()
              .replaceFirst("//[^@]*@", "//" + role + ":pw@")
              .concat("?pgbouncer=true");
      Map<String, String> environment =
          fixture.environment(Map.of("CAPE_WORKER_ID", "x", "CAPE_DATABASE_URL", url));
      try (var first = WorkerProcess.start(directory, environment, "--exit-when-idle")) {
        assertEquals(0, first.exitCode(), first.output());
      }
      fixture.database.execute(
          "INSERT INTO cape_issues (description) SELECT 'issue' FROM generate_series(1, 50)");
      try (var worker =
          WorkerProcess.start(
              directory, environment, "--exit-when-idle", "--concurrency", "4", "--lease", "10")) {
        assertEquals(0, worker.exitCode(), worker.output());
        assertFalse(worker.output().contains("database unavailable"), worker.output());
        assertFalse(worker.output().contains(" ERROR "), worker.output());
      }
      assertEquals(
          "50 completed",
          fixture.database.value(
              "SELECT count(*) || ' ' || min(outcome) FROM cape_issue_attempts"));
      assertEquals(50, fixture.read("runs").lines().distinct().count());
    } finally {
      fixture.database.execute("DROP OWNED BY \"%s\"".formatted(role));
      fixture.database.execute("DROP ROLE \"%s\"".formatted(role));
    }
  }

  @Test
  void workerFindsOutThatNoNotificationsComeAndPolls() throws Exception {
    PgBouncer.require();
    var fixture = new JarFixture(directory, "true").migrated();
    String url = fixture.database.throughPgBouncer().url();
    try (var worker =
        WorkerProcess.start(
            directory,
            fixture.environment(Map.of("CAPE_WORKER_ID", "x", "CAPE_DATABASE_URL", url)))) {
      worker.awaitOutput("they come through no pooler in transaction mode");
      fixture.insert("an issue");
      fixture.awaitValue("completed", "SELECT status FROM cape_issues");
      assertFalse(worker.output().contains("database unavailable"), worker.output());
      worker.signal("TERM");
      assertEquals(0, worker.exitCode(), worker.output());
    }
  }
}
