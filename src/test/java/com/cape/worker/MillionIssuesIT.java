package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.RawHttp;
import com.cape.worker.testing.WorkerProcess;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an operator asks reads a small part of a table of a million. */
@Timeout(300)
class MillionIssuesIT {
  private static final long MOST_ENTRIES = 50_000;
  private static final int LOOKS = 5;
  private static final double LARGEST_SHARE = 0.02;
  private static final String SEQUENTIAL =
      "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables WHERE relname = 'cape_issues'";
  private static final String ENTRIES_READ =
      "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname LIKE 'cape_issue%'";

  @TempDir private Path directory;
  private JarFixture fixture;

  @Test
  void statusListAndDashboardReadASmallPartAndNeverSequentially() throws Exception {
    fixture = new JarFixture(directory, "true").migrated();
    fixture.database.execute(
        """
        ALTER TABLE cape_issues DISABLE TRIGGER USER;
        INSERT INTO cape_issues (description, status, assigned_worker_id, started_at, completed_at)
        SELECT 'done ' || n, 'completed', 'w-' || n % 7, now() - n * interval '30 s', now() - n * interval '30 s'
          FROM generate_series(1000000, 1, -1) AS n;
        INSERT INTO cape_issues (description, status, fence) SELECT 'failed ' || n, 'failed', 5 FROM generate_series(1, 5000) AS n;
        INSERT INTO cape_issues (description, priority, run_after, fence)
        SELECT 'pending ' || n, n % 3, now() + (n - 5000) * interval '1 s', n % 2 FROM generate_series(1, 10000) AS n;
        ALTER TABLE cape_issues ENABLE TRIGGER USER;
        INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid,
               started_at, lease_expires_at, finished_at, outcome)
        SELECT id, 1, 1, gen_random_uuid(), 'w', gen_random_uuid(), 'there', 1,
               completed_at, completed_at, completed_at, 'completed'
          FROM cape_issues WHERE id BETWEEN 800001 AND 1000000 ORDER BY id
        """);
    fixture.database.execute("VACUUM ANALYZE cape_issues, cape_issue_attempts");
    String before = fixture.database.value(SEQUENTIAL);
    for (String command :
        List.of(
            "status",
            "list",
            "list --status failed",
            "list --status pending",
            "list --sort queue",
            "list --worker w-3",
            "show 500000")) {
      assertReadsLittle(command, 1, () -> run(command.split(" ")));
    }
    assertReadsLittle("an open page", 1 + LOOKS, this::lookAtOverview);
    assertReadsLittle(
        "a page of issues",
        8,
        () ->
            openPages(
                "/api/issues?",
                "/api/issues?status=failed",
                "/api/issues?status=pending",
                "/api/issues?status=completed&sort=oldest",
                "/api/issues?sort=queue",
                "/api/issues?worker=w-3",
                "/api/issues?worker=w-3&status=failed",
                "/api/issues?after=500000"));
    // These go through many rows, and stop when their time is up.
    openPages(
        "/api/issues?q=done+77",
        "/api/issues?q=nowhere",
        "/api/issues?q=nowhere&status=failed",
        "/api/issues?priority=2");
    assertEquals(before, fixture.database.value(SEQUENTIAL));
  }

  private interface Step {
    void run() throws Exception;
  }

  private void assertReadsLittle(String name, int questions, Step step) throws Exception {
    long before = entriesRead();
    step.run();
    long entries = (entriesRead() - before) / questions;
    System.out.printf("%s: %d index entries read%n", name, entries);
    assertTrue(entries <= MOST_ENTRIES, name + " reads " + entries + " index entries");
  }

  /** A session reports what it did when it ends. */
  private long entriesRead() {
    fixture.awaitValue(
        "0",
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            + " AND application_name LIKE 'cape-worker%'");
    return Long.parseLong(fixture.database.value(ENTRIES_READ));
  }

  private void run(String... command) throws Exception {
    try (var ran = WorkerProcess.start(directory, fixture.environment(Map.of()), command)) {
      assertEquals(0, ran.exitCode(), ran.output());
      assertFalse(ran.output().isEmpty());
    }
  }

  /** As a browser does that shows it, once a second. */
  private void lookAtOverview() throws Exception {
    try (WorkerProcess served = dashboard()) {
      ask(served, "/api/overview");
      double before = backendSeconds();
      long start = System.nanoTime();
      for (int look = 0; look < LOOKS; look++) {
        long next = System.nanoTime() + Duration.ofSeconds(1).toNanos();
        ask(served, "/api/overview");
        await().pollInterval(Duration.ofMillis(10)).until(() -> System.nanoTime() - next >= 0);
      }
      double share = (backendSeconds() - before) / ((System.nanoTime() - start) / 1e9);
      assertTrue(share <= LARGEST_SHARE, "of the database's time: " + share);
      stop(served);
    }
  }

  private void openPages(String... paths) throws Exception {
    try (WorkerProcess served = dashboard()) {
      for (String path : paths) {
        ask(served, path);
      }
      stop(served);
    }
  }

  private WorkerProcess dashboard() {
    WorkerProcess served =
        WorkerProcess.start(
            directory, fixture.environment(Map.of()), "dashboard", "--http", "127.0.0.1:0");
    served.awaitOutput("dashboard: http://");
    return served;
  }

  private static void ask(WorkerProcess served, String path) throws Exception {
    int port = Integer.parseInt(served.output().replaceFirst("(?s).*127.0.0.1:(\\d+)/.*", "$1"));
    var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    RawHttp.Answer answer = RawHttp.ask(address, "GET", path, "");
    assertEquals(200, answer.status(), answer.body());
  }

  private static void stop(WorkerProcess served) throws Exception {
    served.signal("TERM");
    assertEquals(0, served.exitCode(), served.output());
  }

  /** Processor time of the backends that serve the dashboard; 0 where /proc does not tell. */
  private double backendSeconds() throws Exception {
    String pids =
        fixture.database.value(
            "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE application_name = 'cape-worker dashboard'");
    assertNotEquals("null", pids, "no backend of the dashboard");
    double seconds = 0;
    for (String pid : pids.split(" ")) {
      Path stat = Path.of("/proc", pid, "stat");
      if (Files.exists(stat)) {
        String[] fields = Files.readString(stat).replaceFirst(".*\\) ", "").split(" ");
        seconds += (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) / 100.0;
      }
    }
    return seconds;
  }
}
