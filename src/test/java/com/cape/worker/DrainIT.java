package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.WorkerProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** {@code drain} while a workflow runs that waits for the file {@code go}. */
@Tag("database")
@Timeout(120)
@Execution(ExecutionMode.CONCURRENT)
class DrainIT {
  @TempDir private Path directory;
  private JarFixture fixture;

  @BeforeEach
  void start() throws Exception {
    fixture =
        new JarFixture(directory, "touch started; until [ -e go ]; do sleep 0.05; done").migrated();
  }

  @Test
  void runEndsHoweverShortTheDrainTimeoutIsAndTheWorkerAsksForARestart() throws Exception {
    try (WorkerProcess worker = running()) {
      try (WorkerProcess first = command("drain", "w")) {
        assertEquals(0, first.exitCode(), first.output());
      }
      worker.awaitOutput("draining");
      // The last word holds.
      try (WorkerProcess drain = command("drain", "w", "--restart", "--wait")) {
        fixture.awaitValue("t", "SELECT drain_restart FROM cape_workers");
        assertFalse(worker.ended(Duration.ofSeconds(3)), "longer than the drain timeout");
        assertTrue(drain.isAlive(), drain.output());
        // A pooler's connection bears the name of whom it served last.
        fixture.awaitValue(
            "t",
            "SELECT count(pg_terminate_backend(pid)) > 0 FROM pg_stat_activity"
                + " WHERE datname = current_database() AND application_name = 'cape-worker command'");
        Files.createFile(directory.resolve("go"));
        assertEquals(75, worker.exitCode(), worker.output());
        assertEquals(0, drain.exitCode(), drain.output());
        assertTrue(drain.output().contains("w has left"), drain.output());
      }
    }
    assertEquals("completed 1", issue());
  }

  @Test
  void restartThatIsAskedForAtTheLastMomentIsHeard() throws Exception {
    fixture.database.execute(
        """
        CREATE FUNCTION ask() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          NEW.drain_restart := true;
          RETURN NEW;
        END $$;
        CREATE TRIGGER at_last BEFORE UPDATE ON cape_workers FOR EACH ROW
          WHEN (NEW.state = 'stopped') EXECUTE FUNCTION ask();
        """);
    Files.createFile(directory.resolve("go"));
    try (WorkerProcess worker = running();
        WorkerProcess drain = command("drain", "w")) {
      assertEquals(0, drain.exitCode(), drain.output());
      assertEquals(75, worker.exitCode(), worker.output());
    }
  }

  @Test
  void signalDuringADrainBeginsTheDrainTimeout() throws Exception {
    try (WorkerProcess worker = running()) {
      try (WorkerProcess drain = command("drain", "w")) {
        assertEquals(0, drain.exitCode(), drain.output());
      }
      worker.awaitOutput("draining");
      worker.signal("TERM");
      assertEquals(0, worker.exitCode(), worker.output());
    }
    assertEquals("pending 0", issue());
  }

  @Test
  void workerThatIsNotAtWorkIsNamed() throws Exception {
    try (WorkerProcess drain = command("drain", "nobody")) {
      assertEquals(1, drain.exitCode());
      assertTrue(drain.output().contains("no worker 'nobody' has ever registered"), drain.output());
    }
    try (WorkerProcess drain = command("drain", "-x y")) {
      assertEquals(2, drain.exitCode(), drain.output());
    }
    fixture.database.execute(
        "INSERT INTO cape_workers (worker_id, instance, host, pid, version, state, heartbeat_at)"
            + " VALUES ('dead', gen_random_uuid(), 'h', 7, '1', 'idle', now() - interval '1 hour')");
    try (WorkerProcess drain = command("drain", "dead", "--wait")) {
      assertEquals(1, drain.exitCode());
      assertTrue(
          drain.output().contains("sent no heartbeat for 1h 00m")
              && drain.output().contains("pid 7 on h"),
          drain.output());
    }
    try (WorkerProcess drain = command("drain", "daed")) {
      assertEquals(1, drain.exitCode());
      assertTrue(drain.output().contains("did you mean 'dead'?"), drain.output());
    }
    fixture.database.execute("UPDATE cape_workers SET state = 'stopped'");
    try (WorkerProcess drain = command("drain", "dead")) {
      assertEquals(1, drain.exitCode());
      assertTrue(drain.output().contains("worker dead has stopped already"), drain.output());
    }
    fixture.database.execute(
        "UPDATE cape_workers SET state = 'idle', heartbeat_at = now() + interval '1 minute'");
    try (WorkerProcess drain = command("drain", "dead", "--wait")) {
      drain.awaitOutput("dead drains: ");
      fixture.database.execute(
          "UPDATE cape_workers SET heartbeat_at = now() - interval '1 minute', lease_seconds = 2");
      assertEquals(1, drain.exitCode(), "one that falls silent meanwhile is not waited for");
      assertTrue(drain.output().startsWith("dead drains: "), drain.output());
      assertTrue(drain.output().contains("it may be dead"), drain.output());
    }
  }

  private WorkerProcess running() {
    fixture.insert("an issue");
    WorkerProcess worker =
        fixture.worker("w", "--drain-timeout", "1", "--lease", "30", "--grace", "1");
    await().atMost(Duration.ofSeconds(30)).until(() -> Files.exists(directory.resolve("started")));
    return worker;
  }

  private WorkerProcess command(String... arguments) {
    return WorkerProcess.start(directory, fixture.environment(Map.of()), arguments);
  }

  private String issue() {
    return fixture.database.value("SELECT status || ' ' || attempts FROM cape_issues");
  }
}
