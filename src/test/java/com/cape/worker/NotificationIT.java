package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.chaos.FaultyProxy;
import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.WorkerProcess;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What reaches a worker long before its next poll, and what it does without. */
@Tag("database")
@Tag("notifications")
@Timeout(120)
@Execution(ExecutionMode.CONCURRENT)
class NotificationIT {
  private static final String[] SELDOM = {"--poll-interval", "600"};
  // Far less than a heartbeat and a poll are apart, and enough on a busy machine.
  private static final Duration AT_ONCE = Duration.ofSeconds(5);

  @TempDir private Path directory;
  private JarFixture fixture;

  @BeforeEach
  void start() throws Exception {
    fixture = new JarFixture(directory, "touch ran-$1; [ $2 = quick ] || sleep 600").migrated();
  }

  @Test
  void issueStartsAtOnceWhetherInsertedOrMadePending() throws Exception {
    try (WorkerProcess worker = listening(SELDOM)) {
      fixture.insert("quick");
      awaitWithin(AT_ONCE, "completed", "SELECT status FROM cape_issues");
      fixture.database.execute("UPDATE cape_issues SET status = 'pending'");
      awaitWithin(AT_ONCE, "2 completed", "SELECT fence || ' ' || status FROM cape_issues");
      stop(worker);
    }
  }

  @Test
  void slotsThatHadNothingToDoAllTakePartInTheNextBurst() throws Exception {
    try (WorkerProcess worker = listening("--poll-interval", "600", "--concurrency", "4")) {
      fixture.database.execute(
          "INSERT INTO cape_issues (description) SELECT 'quick' FROM generate_series(1, 40)");
      awaitWithin(
          Duration.ofSeconds(30),
          "0",
          "SELECT count(*) FROM cape_issues WHERE status <> 'completed'");
      fixture.database.execute(
          "INSERT INTO cape_issues (description) SELECT 'slow' FROM generate_series(1, 4)");
      awaitWithin(AT_ONCE, "4", "SELECT count(*) FROM cape_issues WHERE status = 'started'");
      worker.signal("TERM");
      worker.signal("TERM");
      assertEquals(0, worker.exitCode(), worker.output());
    }
  }

  @Test
  void issueThatFallsDueLaterStartsThen() throws Exception {
    try (WorkerProcess worker = listening(SELDOM)) {
      fixture.database.execute(
          "INSERT INTO cape_issues (description, run_after) VALUES ('quick', now() + interval '1 h')");
      fixture.database.execute("UPDATE cape_issues SET run_after = now() + interval '1500 ms'");
      awaitWithin(Duration.ofSeconds(4), "completed", "SELECT status FROM cape_issues");
      assertEquals(
          "t",
          fixture.database.value(
              "SELECT min(a.started_at) - min(run_after) BETWEEN interval '0' AND interval '500 ms'"
                  + " FROM cape_issues, cape_issue_attempts a"));
      stop(worker);
    }
  }

  @Test
  void cancelStopsARunAtOnce() throws Exception {
    try (WorkerProcess worker = listening(SELDOM)) {
      fixture.insert("slow");
      await().atMost(AT_ONCE).until(() -> Files.exists(directory.resolve("ran-1")));
      fixture.database.execute("UPDATE cape_issues SET cancel_requested_at = now()");
      awaitWithin(AT_ONCE, "cancelled", "SELECT status FROM cape_issues");
      stop(worker);
    }
  }

  @Test
  void cancelTheMomentAnIssueWasClaimedStopsItToo() throws Exception {
    try (WorkerProcess worker = listening(SELDOM)) {
      for (int id = 1; id <= 5; id++) {
        fixture.insert("slow");
        awaitWithin(AT_ONCE, "started", "SELECT status FROM cape_issues WHERE id = " + id);
        fixture.database.execute(
            "UPDATE cape_issues SET cancel_requested_at = now() WHERE id = " + id);
        awaitWithin(AT_ONCE, "cancelled", "SELECT status FROM cape_issues WHERE id = " + id);
      }
      stop(worker);
    }
  }

  @Test
  void pauseAndResumeAreSeenAtOnce() throws Exception {
    try (WorkerProcess worker = listening(SELDOM)) {
      fixture.database.execute("INSERT INTO cape_pauses (scope, reason) VALUES ('*', 'deploy')");
      await().atMost(AT_ONCE).until(() -> worker.output().contains("paused: no claims"));
      fixture.insert("quick");
      fixture.database.execute("DELETE FROM cape_pauses");
      awaitWithin(AT_ONCE, "completed", "SELECT status FROM cape_issues");
      stop(worker);
    }
  }

  @Test
  void drainIsAskedForInTheTable() throws Exception {
    try (WorkerProcess worker = listening(SELDOM)) {
      askToDrain("gen_random_uuid()", false);
      askToDrain("instance", false);
      assertTrue(worker.ended(AT_ONCE.multipliedBy(2)), worker.output());
      assertEquals(0, worker.exitCode(), worker.output());
    }
    try (WorkerProcess worker = listening(SELDOM)) {
      fixture.insert("slow");
      awaitWithin(AT_ONCE, "started", "SELECT status FROM cape_issues");
      askToDrain("instance", true);
      awaitWithin(AT_ONCE, "draining", "SELECT state FROM cape_workers");
      fixture.database.execute("UPDATE cape_issues SET cancel_requested_at = now()");
      assertEquals(75, worker.exitCode(), worker.output());
    }
    assertEquals("cancelled", fixture.database.value("SELECT status FROM cape_issues"));
  }

  @Test
  void withoutNotificationsAHeartbeatAndAPollBringTheSame() throws Exception {
    try (WorkerProcess worker =
        fixture.worker("w", "--no-listen", "--lease", "10", "--grace", "1")) {
      worker.awaitOutput("ready");
      fixture.insert("slow");
      awaitWithin(Duration.ofSeconds(4), "started", "SELECT status FROM cape_issues");
      assertEquals("f", fixture.database.value("SELECT listener_up FROM cape_workers"));
      assertEquals(
          "0",
          fixture.database.value(
              "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^ *LISTEN'"
                  + " AND datname = current_database()"));
      fixture.database.execute("UPDATE cape_issues SET cancel_requested_at = now()");
      awaitWithin(Duration.ofSeconds(5), "cancelled", "SELECT status FROM cape_issues");
      askToDrain("instance", true);
      assertEquals(75, worker.exitCode(), worker.output());
      assertFalse(worker.output().contains("notifications"), worker.output());
    }
  }

  @Test
  void threeConnectionsAreEnough() throws Exception {
    String connections =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cape-worker w'"
            + " AND datname = current_database()";
    try (WorkerProcess worker = listening("--lease", "10", "--grace", "1")) {
      for (int id = 1; id <= 20; id++) {
        fixture.insert("quick");
        fixture.awaitValue("completed", "SELECT status FROM cape_issues WHERE id = " + id);
        assertTrue(Integer.parseInt(fixture.database.value(connections)) <= 3);
      }
      await()
          .during(Duration.ofSeconds(3))
          .atMost(Duration.ofSeconds(4))
          .until(() -> Integer.parseInt(fixture.database.value(connections)) <= 3);
      stop(worker);
    }
  }

  @Test
  void listenerThatWasEndedListensAgain() throws Exception {
    try (WorkerProcess worker = listening(SELDOM)) {
      assertEquals(
          "1",
          fixture.database.value(
              "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                  + " WHERE query ~ '^ *LISTEN' AND datname = current_database()"));
      worker.awaitOutput("no notifications; polling until they arrive");
      await()
          .atMost(AT_ONCE)
          .until(() -> worker.output().split("notifications arrive\\R", -1).length == 3);
      fixture.insert("quick");
      awaitWithin(AT_ONCE, "completed", "SELECT status FROM cape_issues");
      stop(worker);
    }
  }

  @Test
  void deadListenerIsFoundAndIssuesStartByPollingMeanwhile() throws Exception {
    try (var proxy = new FaultyProxy(URI.create(fixture.database.url()).getPort());
        WorkerProcess worker = listening("--listen-url", through(proxy))) {
      proxy.hole(true);
      long beganNanos = System.nanoTime();
      fixture.insert("quick");
      awaitWithin(AT_ONCE, "completed", "SELECT status FROM cape_issues");
      awaitWithin(Duration.ofSeconds(15), "f", "SELECT listener_up FROM cape_workers");
      Duration found = Duration.ofNanos(System.nanoTime() - beganNanos);
      assertTrue(found.compareTo(Duration.ofSeconds(15)) <= 0, found.toString());
      proxy.hole(false);
      awaitWithin(Duration.ofSeconds(40), "t", "SELECT listener_up FROM cape_workers");
      assertEquals(
          1, worker.output().lines().filter(line -> line.contains("no notifications")).count());
      stop(worker);
    }
  }

  /** Another database stands for a pooler: it takes the LISTEN, and nothing ever comes. */
  @Test
  void whereNothingEverArrivesThatIsSaidOnceAndPollingGoesOn() throws Exception {
    String elsewhere = fixture.database.url().replaceFirst("/[^/]*$", "/postgres");
    try (WorkerProcess worker = fixture.worker("w", "--listen-url", elsewhere)) {
      worker.awaitOutput("they come through no pooler in transaction mode");
      assertEquals("f", fixture.database.value("SELECT listener_up FROM cape_workers"));
      assertEquals(
          "0",
          fixture.database.value(
              "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cape-worker w'"
                  + " AND datname = 'postgres'"));
      fixture.insert("quick");
      awaitWithin(AT_ONCE, "completed", "SELECT status FROM cape_issues");
      assertEquals(
          1, worker.output().lines().filter(line -> line.contains("no notifications")).count());
      stop(worker);
    }
  }

  private WorkerProcess listening(String... arguments) {
    WorkerProcess worker = fixture.worker("w", arguments);
    worker.awaitOutput("notifications arrive");
    fixture.awaitValue("t", "SELECT listener_up FROM cape_workers");
    return worker;
  }

  private void askToDrain(String instance, boolean restart) {
    fixture.database.execute(
        "UPDATE cape_workers SET drain_requested_for = %s, drain_restart = %s"
            .formatted(instance, restart));
  }

  private String through(FaultyProxy proxy) {
    return fixture.database.url().replaceFirst(":\\d+/", ":" + proxy.port() + "/");
  }

  private void awaitWithin(Duration limit, String expected, String sql) {
    await(sql + " = " + expected)
        .atMost(limit)
        .pollInterval(Duration.ofMillis(20))
        .until(() -> fixture.database.value(sql), expected::equals);
  }

  private static void stop(WorkerProcess worker) throws Exception {
    worker.signal("TERM");
    assertEquals(0, worker.exitCode(), worker.output());
  }
}
