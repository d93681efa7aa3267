package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.RawHttp;
import com.cape.worker.testing.WorkerProcess;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an operator asks is answered at once from a table of a million, too. */
@Timeout(300)
class MillionIssuesIT {
  private static final Duration LIMIT = Duration.ofSeconds(1);
  private static final Duration OVERVIEW_LIMIT = Duration.ofMillis(300);
  private static final int LOOKS = 11;
  private static final double LARGEST_SHARE = 0.02;
  // Others may be at work on the machine: what is too slow is so each time.
  private static final int MOST_RUNS = 25;
  private static final String SEQUENTIAL =
      "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables WHERE relname = 'cape_issues'";

  @TempDir private Path directory;

  @Test
  void statusAndListAnswerWithinASecondWithoutASequentialScan() throws Exception {
    var fixture = new JarFixture(directory, "true");
    new Migrator(fixture.database.dataSource()).migrate();
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
    List<String> failures = new ArrayList<>();
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
      Duration took = fastest(fixture, command.split(" "));
      if (took.compareTo(LIMIT) > 0) {
        failures.add(command + " took " + took);
      }
    }
    failures.addAll(dashboard(fixture));
    assertEquals(List.of(), failures);
    // A session reports what it did when it ends, and those have ended.
    assertEquals(before, fixture.database.value(SEQUENTIAL));
  }

  /** What is too slow of what the page asks, and too much for the database. */
  private List<String> dashboard(JarFixture fixture) throws Exception {
    List<String> failures = new ArrayList<>();
    try (var served =
        WorkerProcess.start(
            directory, fixture.environment(Map.of()), "dashboard", "--http", "127.0.0.1:0")) {
      served.awaitOutput("dashboard: http://");
      int port = Integer.parseInt(served.output().replaceFirst("(?s).*127.0.0.1:(\\d+)/.*", "$1"));
      var address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
      List<Duration> overviews = new ArrayList<>();
      took(address, "/api/overview");
      double before = backendSeconds(fixture);
      long start = System.nanoTime();
      for (int look = 0; look < LOOKS; look++) {
        long next = System.nanoTime() + Duration.ofSeconds(1).toNanos();
        overviews.add(took(address, "/api/overview"));
        await().pollInterval(Duration.ofMillis(10)).until(() -> System.nanoTime() - next >= 0);
      }
      double share = (backendSeconds(fixture) - before) / ((System.nanoTime() - start) / 1e9);
      if (share > LARGEST_SHARE) {
        failures.add("an open page takes %.3f of the database's time".formatted(share));
      }
      Collections.sort(overviews);
      if (overviews.get(LOOKS / 2).compareTo(OVERVIEW_LIMIT) > 0) {
        failures.add("the overview took " + overviews.get(LOOKS / 2));
      }
      for (String path :
          List.of(
              "/api/issues?",
              "/api/issues?status=failed",
              "/api/issues?status=pending",
              "/api/issues?status=completed&sort=oldest",
              "/api/issues?sort=queue",
              "/api/issues?worker=w-3",
              "/api/issues?worker=w-3&status=failed",
              "/api/issues?q=done+77",
              "/api/issues?q=nowhere",
              "/api/issues?q=nowhere&status=failed",
              "/api/issues?priority=2",
              "/api/issues?after=500000")) {
        Duration fastest = Duration.ofDays(1);
        for (int run = 0; run < MOST_RUNS && fastest.compareTo(LIMIT) > 0; run++) {
          Duration took = took(address, path + "&run=" + run);
          fastest = took.compareTo(fastest) < 0 ? took : fastest;
        }
        if (fastest.compareTo(LIMIT) > 0) {
          failures.add(path + " took " + fastest);
        }
      }
      served.signal("TERM");
      assertEquals(0, served.exitCode(), served.output());
    }
    return failures;
  }

  /** Processor time of the backends that serve the dashboard; 0 where /proc does not tell. */
  private static double backendSeconds(JarFixture fixture) throws Exception {
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

  private static Duration took(InetSocketAddress address, String path) throws Exception {
    long start = System.nanoTime();
    RawHttp.Answer answer = RawHttp.ask(address, "GET", path, "");
    assertEquals(200, answer.status(), answer.body());
    return Duration.ofNanos(System.nanoTime() - start);
  }

  private Duration fastest(JarFixture fixture, String... command) throws Exception {
    Duration fastest = Duration.ofDays(1);
    for (int run = 0; run < MOST_RUNS && fastest.compareTo(LIMIT) > 0; run++) {
      long start = System.nanoTime();
      try (var ran = WorkerProcess.start(directory, fixture.environment(Map.of()), command)) {
        assertEquals(0, ran.exitCode(), ran.output());
        assertTrue(!ran.output().isEmpty());
      }
      Duration took = Duration.ofNanos(System.nanoTime() - start);
      fastest = took.compareTo(fastest) < 0 ? took : fastest;
    }
    return fastest;
  }
}
