package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.WorkerProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Several workers on one database. */
@Timeout(180)
@Execution(ExecutionMode.CONCURRENT)
class FleetIT {
  @TempDir private Path directory;

  @Test
  void fourWorkersRunEachOf200IssuesOnce() throws Exception {
    var fixture =
        new JarFixture(
                directory,
                "echo \"$1|$2|$CAPE_ISSUE_ID|$(cat \"$CAPE_ISSUE_FILE\")|$CAPE_ATTEMPT|$CAPE_WORKER_ID\" >>runs")
            .migrated();
    fixture.database.execute(
        "INSERT INTO cape_issues (description) SELECT 'issue no ' || n FROM generate_series(1, 200) n");
    List<WorkerProcess> workers = new ArrayList<>();
    try {
      for (int i = 1; i <= 4; i++) {
        workers.add(fixture.worker("fleet-" + i));
      }
      fixture.awaitValue("200", "SELECT count(*) FROM cape_issues WHERE status = 'completed'");
      for (WorkerProcess worker : workers) {
        worker.signal("TERM");
        assertEquals(0, worker.exitCode(), worker.output());
      }
    } finally {
      for (WorkerProcess worker : workers) {
        worker.close();
      }
    }
    List<String> runs = fixture.read("runs").lines().toList();
    List<String> expected =
        Stream.iterate(1, n -> n + 1)
            .limit(200)
            .map("%1$d|issue no %1$d|%1$d|issue no %1$d|1"::formatted)
            .toList();
    assertEquals(
        new TreeSet<>(expected),
        new TreeSet<>(runs.stream().map(run -> run.substring(0, run.lastIndexOf('|'))).toList()));
    assertEquals(200, runs.size());
    assertEquals(
        "200",
        fixture.database.value(
            "SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'completed'"));
    assertEquals(
        "4 stopped",
        fixture.database.value(
            "SELECT count(*) || ' ' || min(state) FROM cape_workers WHERE worker_id LIKE 'fleet-%'"));
  }

  @Test
  void twoWorkersThatStartOnAnEmptyDatabaseBothComeUp() throws Exception {
    var fixture = new JarFixture(directory, "true");
    try (var one = fixture.worker("one");
        var two = fixture.worker("two")) {
      one.awaitOutput("ready");
      two.awaitOutput("ready");
      fixture.insert("an issue");
      fixture.awaitValue("completed", "SELECT status FROM cape_issues");
    }
  }

  @Test
  void issueOfAKilledWorkerIsRescuedByAnother() throws Exception {
    var fixture =
        new JarFixture(
                directory, "[ $CAPE_ATTEMPT = 2 ] && exit 0; kill -9 $(cat worker); sleep 60")
            .migrated();
    String[] settings = {"--lease", "10", "--grace", "1", "--retry-delay", "1"};
    try (var second = fixture.worker("second", settings)) {
      second.awaitOutput("ready");
      // A pause of its own keeps it from claiming first.
      fixture.database.execute("INSERT INTO cape_pauses (scope) VALUES ('second')");
      try (var first = fixture.worker("first", settings)) {
        Files.writeString(directory.resolve("worker"), Long.toString(first.pid()));
        first.awaitOutput("ready");
        fixture.insert("an issue");
        first.exitCode();
      }
      fixture.database.execute("DELETE FROM cape_pauses");
      fixture.awaitValue("completed", "SELECT status FROM cape_issues");
      assertEquals(
          "lost completed",
          fixture.database.value(
              "SELECT string_agg(outcome, ' ' ORDER BY fence) FROM cape_issue_attempts"));
      second.awaitOutput("lease expired, attempt lost worker=first");
    }
  }

  @Test
  void secondWorkerOfTheSameIdIsRefused() throws Exception {
    var fixture = new JarFixture(directory, "true").migrated();
    try (var first = fixture.worker("twin")) {
      first.awaitOutput("ready");
      try (var sameDirectory = fixture.worker("twin");
          var elsewhere = fixture.worker("twin", "--state-dir", "elsewhere")) {
        assertEquals(75, sameDirectory.exitCode());
        assertEquals(75, elsewhere.exitCode());
        String named = "worker id twin is taken: pid " + first.pid();
        sameDirectory.awaitOutput(named);
        elsewhere.awaitOutput(named);
      }
      first.signal("KILL");
      first.exitCode();
      try (var successor = fixture.worker("twin")) {
        successor.awaitOutput("ready");
      }
    }
  }

  @Test
  void workerKilledWhileItRegistersIsFollowedAtOnce() throws Exception {
    var fixture = new JarFixture(directory, "true").migrated();
    fixture.database.execute(
        """
        CREATE TABLE gate (open boolean);
        CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          WHILE NOT EXISTS (SELECT FROM gate) LOOP
            BEGIN
              PERFORM pg_sleep(0.02);
            EXCEPTION
              WHEN query_canceled THEN NULL; -- The worker's own limit.
            END;
          END LOOP;
          RETURN NULL;
        END $$;
        CREATE TRIGGER at_gate AFTER INSERT ON cape_workers FOR EACH ROW EXECUTE FUNCTION wait_at_gate();
        """);
    try (var first = fixture.worker("killed")) {
      fixture.awaitValue(
          "1",
          "SELECT count(*) FROM pg_stat_activity"
              + " WHERE application_name = 'cape-worker killed' AND wait_event = 'PgSleep'");
      first.signal("KILL");
      first.exitCode();
    }
    fixture.database.execute("INSERT INTO gate VALUES (true)");
    fixture.awaitValue("idle", "SELECT state FROM cape_workers");
    try (var successor = fixture.worker("killed")) {
      successor.awaitOutput("ready");
    }
  }
}
