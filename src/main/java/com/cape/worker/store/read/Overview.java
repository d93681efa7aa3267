package com.cape.worker.store.read;

import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import com.cape.worker.store.pause.Pause;
import com.cape.worker.store.pause.PauseRepository;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The fleet as people see it.
 *
 * @param now the database's clock
 * @param oldestDue since when the issue that has been due longest is due
 * @param refusals the newest 100
 * @param counting how long the database took to count
 */
public record Overview(
    Instant now,
    Counts counts,
    Optional<Instant> oldestDue,
    Optional<Instant> lastClaim,
    List<Worker> workers,
    List<Pause> pauses,
    List<RefusedWrite> refusals,
    Duration counting) {

  /**
   * @param retrying pending ones that wait for another attempt
   * @param unowned started ones without a running attempt
   */
  public record Counts(
      long pending,
      long due,
      long retrying,
      long started,
      long unowned,
      long failed,
      long cancelled,
      long completedLastHour,
      long completedLastDay) {}

  /** Alive while its last heartbeat is younger than its lease. */
  public record Worker(
      String id,
      String host,
      long pid,
      String version,
      String state,
      boolean alive,
      Instant startedAt,
      Instant heartbeatAt,
      long leaseSeconds,
      int freeSlots,
      boolean listening,
      List<Run> runs) {}

  public record Run(long issueId, int attempt, Instant startedAt, Instant leaseExpiresAt) {}

  // A subquery each, so that each has its index.
  private static final String COUNTS =
      """
      SELECT now() AS now,
             (SELECT count(*) FROM cape_issues WHERE status::text = 'pending') AS pending,
             (SELECT count(*) FROM cape_issues WHERE status::text = 'pending' AND run_after <= now()) AS due,
             (SELECT count(*) FROM cape_issues
               WHERE status::text = 'pending' AND run_after > now() AND fence > 0) AS retrying,
             (SELECT count(*) FROM cape_issues WHERE status::text = 'started') AS started,
             (SELECT count(*) FROM cape_issues i
               WHERE status::text = 'started'
                 AND NOT EXISTS (SELECT FROM cape_issue_attempts a
                                  WHERE a.issue_id = i.id AND a.outcome = 'running')) AS unowned,
             (SELECT count(*) FROM cape_issues WHERE status::text = 'failed') AS failed,
             (SELECT count(*) FROM cape_issues WHERE status::text = 'cancelled') AS cancelled,
             (SELECT count(*) FROM cape_issues
               WHERE status::text = 'completed' AND completed_at > now() - interval '1 hour') AS last_hour,
             (SELECT count(*) FROM cape_issues
               WHERE status::text = 'completed' AND completed_at > now() - interval '1 day') AS last_day,
             (SELECT run_after FROM cape_issues
               WHERE status::text = 'pending' AND run_after <= now() ORDER BY run_after LIMIT 1) AS oldest_due,
             (SELECT started_at FROM cape_issue_attempts ORDER BY id DESC LIMIT 1) AS last_claim,
             extract(epoch FROM clock_timestamp() - statement_timestamp())::float8 AS counting_s
      """;

  public static Overview read(Database database) {
    List<Worker> workers = workers(database);
    List<Pause> pauses = new PauseRepository(database).inForce();
    List<RefusedWrite> refusals = RefusedWrite.find(database, Optional.empty());
    // Their issues are started without a running attempt, too.
    long ends = refusals.stream().filter(one -> !one.status().equals("started")).count();
    return database
        .queryOne(
            COUNTS,
            bind -> {},
            row ->
                new Overview(
                    Columns.time(row, "now"),
                    toCounts(row, ends),
                    Columns.timeIfAny(row, "oldest_due"),
                    Columns.timeIfAny(row, "last_claim"),
                    workers,
                    pauses,
                    refusals,
                    Duration.ofNanos((long) (row.getDouble("counting_s") * 1e9))))
        .orElseThrow();
  }

  private static Counts toCounts(ResultSet row, long ends) throws SQLException {
    return new Counts(
        row.getLong("pending"),
        row.getLong("due"),
        row.getLong("retrying"),
        row.getLong("started"),
        Math.max(0, row.getLong("unowned") - ends),
        row.getLong("failed"),
        row.getLong("cancelled"),
        row.getLong("last_hour"),
        row.getLong("last_day"));
  }

  private static final String RUNS =
      """
      SELECT worker_id, issue_id, attempt, started_at, lease_expires_at FROM cape_issue_attempts
       WHERE outcome = 'running' ORDER BY started_at, id
      """;

  private static final String WORKERS =
      """
      SELECT worker_id, host, pid, version, state, started_at, heartbeat_at, free_slots, listener_up,
             lease_seconds, heartbeat_at > now() - make_interval(secs => lease_seconds::float8) AS alive
        FROM cape_workers
       WHERE heartbeat_at > now() - CASE state WHEN 'stopped' THEN interval '1 hour' ELSE interval '7 days' END
       ORDER BY worker_id
      """;

  /** Without those that stopped or died long ago. */
  private static List<Worker> workers(Database database) {
    Map<String, List<Run>> runs = new HashMap<>();
    database.read(
        RUNS,
        bind -> {},
        row ->
            runs.computeIfAbsent(Columns.text(row, "worker_id"), id -> new ArrayList<>())
                .add(
                    new Run(
                        row.getLong("issue_id"),
                        row.getInt("attempt"),
                        Columns.time(row, "started_at"),
                        Columns.time(row, "lease_expires_at"))));
    return database.read(
        WORKERS,
        bind -> {},
        row -> toWorker(row, runs.getOrDefault(Columns.text(row, "worker_id"), List.of())));
  }

  private static Worker toWorker(ResultSet row, List<Run> runs) throws SQLException {
    return new Worker(
        Columns.text(row, "worker_id"),
        Columns.text(row, "host"),
        row.getLong("pid"),
        Columns.text(row, "version"),
        Columns.text(row, "state"),
        row.getBoolean("alive"),
        Columns.time(row, "started_at"),
        Columns.time(row, "heartbeat_at"),
        row.getLong("lease_seconds"),
        row.getInt("free_slots"),
        row.getBoolean("listener_up"),
        runs);
  }
}
