package com.cape.bench;

import com.cape.worker.issue.Claim;
import java.sql.SQLException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/** How long a claim takes in a table that has grown. */
final class Scale {
  private static final int SLOTS = 4;
  private static final int PORTIONS = 10;

  private static final String INSERT =
      "INSERT INTO cape_issues (description) SELECT 'bench' FROM generate_series(1, ?)";

  // Each completed one with its attempt, as the worker leaves them.
  static final String COMPLETED =
      """
      WITH done AS (
        INSERT INTO cape_issues (description, status, attempts, fence, assigned_worker_id, run_after,
                                 created_at, started_at, completed_at)
        SELECT 'bench ' || n, 'completed', 1, 1, 'bench', now() - n * interval '1 second',
               now() - n * interval '1 second', now() - n * interval '1 second', now() - n * interval '1 second'
          FROM generate_series(1, ?) n
        RETURNING id, run_after)
      INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid,
                                       started_at, lease_expires_at, finished_at, outcome, exit_code, log_file)
      SELECT id, 1, 1, gen_random_uuid(), 'bench', gen_random_uuid(), 'localhost', 1,
             run_after, run_after, run_after, 'completed', 0, 'logs/issues/' || id || '/attempt-1-1.log'
        FROM done
      """;

  private static final String WAITING =
      """
      INSERT INTO cape_issues (description, attempts, fence, run_after, priority)
      SELECT 'bench', 1, 1, now() + interval '1 hour' + n * interval '1 second',
             CASE WHEN n % 10 = 0 THEN 10 ELSE 0 END
        FROM generate_series(1, ?) n
      """;

  private Scale() {}

  static void measure(Settings settings, Report report) throws Exception {
    int completed = settings.times(1_000_000, 20_000);
    int pending = settings.times(100_000, 2_000);
    int waiting = settings.times(50_000, 1_000);
    int cycles = settings.times(200_000, 2_000);
    int samples = settings.times(3_000, 200);
    String url = WorkerStore.createDatabase(settings, "scale");
    try (var sql = new Sql(url);
        var store = new WorkerStore(url, SLOTS);
        var hasty = new WorkerStore(url + "?options=-c%20synchronous_commit=off", SLOTS)) {
      report.title("Claims in a large table");
      report.line(
          "Time of one claim in ms, %d samples one after the other, each with an insert before and a"
                  .formatted(samples)
              + " settle after it; autovacuum off but for the last row. \"Large\": %d completed with their attempts, %d"
                  .formatted(completed, pending)
              + " pending, %d waiting for a retry, a tenth of them at a higher priority."
                  .formatted(waiting));
      report.head("table", "p50", "p99", "most", "p50 to empty");
      sql.execute("ALTER SYSTEM SET autovacuum = off");
      sql.execute("SELECT pg_reload_conf()");
      claims(sql, store, samples); // warms up
      sql.execute("TRUNCATE cape_issues, cape_issue_attempts");
      Samples empty = claims(sql, store, samples);
      report.row("empty", empty.median(), empty.percentile(99), empty.most(), 1.0);

      sql.execute("TRUNCATE cape_issues, cape_issue_attempts");
      sql.execute(COMPLETED, completed);
      sql.execute(WAITING, waiting);
      sql.execute(INSERT, pending);
      sql.execute("VACUUM ANALYZE");
      sql.execute("CHECKPOINT");
      row(report, "large", claims(sql, store, samples), empty);

      age(sql, hasty, cycles);
      row(
          report,
          "large, after %d cycles without vacuum".formatted(cycles),
          claims(sql, store, samples),
          empty);

      sql.execute("ALTER SYSTEM RESET autovacuum");
      sql.execute("SELECT pg_reload_conf()");
      age(sql, hasty, cycles);
      row(
          report,
          "large, after %d more with autovacuum".formatted(cycles),
          claims(sql, store, samples),
          empty);
      report.line("");
      report.line(
          "The floor: p99 at most 4 ms on the large table; p50 at most 1.30 of that on the empty one.");
    }
  }

  private static void row(Report report, String name, Samples claims, Samples empty) {
    report.row(
        name,
        claims.median(),
        claims.percentile(99),
        claims.most(),
        claims.median() / empty.median());
  }

  private static Samples claims(Sql sql, WorkerStore store, int count) throws SQLException {
    var millis = new Samples();
    for (int i = 0; i < count; i++) {
      sql.execute(INSERT, 1);
      long start = System.nanoTime();
      Claim claim = store.claim();
      millis.add((System.nanoTime() - start) / 1e6);
      store.settle(claim);
    }
    return millis;
  }

  /** Cycles whose commits need not be durable, for as many issues as are inserted. */
  private static void age(Sql sql, WorkerStore store, int cycles)
      throws SQLException, InterruptedException, ExecutionException {
    for (int portion = 0; portion < PORTIONS; portion++) {
      sql.execute(INSERT, cycles / PORTIONS);
      var left = new AtomicInteger(cycles / PORTIONS);
      Cycles.run(store, SLOTS, () -> left.getAndDecrement() > 0);
    }
  }
}
