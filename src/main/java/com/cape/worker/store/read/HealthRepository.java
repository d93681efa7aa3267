package com.cape.worker.store.read;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;

/** What metrics and health checks ask, again and again. */
public final class HealthRepository {
  private final Database database;

  public HealthRepository(Database database) {
    this.database = requireNonNull(database);
  }

  private static final String TAKES_WRITES =
      "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off' AS writes";

  /** Whether the server answers, and is no standby. */
  public boolean takesWrites() {
    return database
        .queryOne(TAKES_WRITES, bind -> {}, row -> row.getBoolean("writes"))
        .orElseThrow();
  }

  // A subquery each, so that each uses its index. The completed issues are too many to count.
  private static final String QUEUE =
      """
      WITH held AS (
        SELECT p.scope FROM cape_pause_phases p
         WHERE p.phase IN ('paused', 'probing', 'full')
           AND (p.scope IN ('*', ?::text)
                OR p.scope = (SELECT 'account:' || w.account::text FROM cape_workers w WHERE w.worker_id::text = ?::text))
      )
      SELECT (SELECT count(*) FROM cape_issues WHERE status::text = 'pending') AS pending,
             (SELECT count(*) FROM cape_issues WHERE status::text = 'pending' AND run_after <= now()) AS due,
             (SELECT count(*) FROM cape_issues WHERE status::text = 'started') AS started,
             (SELECT count(*) FROM cape_issues WHERE status::text = 'failed') AS failed,
             (SELECT count(*) FROM cape_issues WHERE status::text = 'cancelled') AS cancelled,
             (SELECT extract(epoch FROM now() - run_after)::float8 FROM cape_issues
               WHERE status::text = 'pending' AND run_after <= now() AND isfinite(run_after)
               ORDER BY run_after LIMIT 1) AS oldest_due_s,
             EXISTS (SELECT FROM held WHERE scope = '*') AS fleet_paused,
             EXISTS (SELECT FROM held WHERE scope LIKE 'account:%') AS account_paused,
             EXISTS (SELECT FROM held WHERE scope <> '*' AND scope NOT LIKE 'account:%') AS worker_paused
      """;

  /**
   * @param oldestDue how long the one that has been due longest has been so; zero when none is
   * @param accountPaused whether the account of that worker is paused
   * @param workerPaused whether the worker that asks is paused
   */
  public record Queue(
      long pending,
      long due,
      long started,
      long failed,
      long cancelled,
      Duration oldestDue,
      boolean fleetPaused,
      boolean accountPaused,
      boolean workerPaused) {}

  public Queue queue(WorkerId worker) {
    return database
        .queryOne(
            QUEUE,
            bind -> bind.text(worker.value()).text(worker.value()),
            HealthRepository::toQueue)
        .orElseThrow();
  }

  private static Queue toQueue(ResultSet row) throws SQLException {
    return new Queue(
        row.getLong("pending"),
        row.getLong("due"),
        row.getLong("started"),
        row.getLong("failed"),
        row.getLong("cancelled"),
        Duration.ofMillis(Math.round(row.getDouble("oldest_due_s") * 1000)),
        row.getBoolean("fleet_paused"),
        row.getBoolean("account_paused"),
        row.getBoolean("worker_paused"));
  }
}
