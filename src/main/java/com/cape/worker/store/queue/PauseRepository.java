package com.cape.worker.store.queue;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Pauses that a person asks for. */
public final class PauseRepository {
  private static final String FLEET = "*";

  private final Database database;

  public PauseRepository(Database database) {
    this.database = requireNonNull(database);
  }

  private static final String IN_FORCE =
      """
      SELECT now() AS now, scope, nullif(paused_until, 'infinity') AS paused_until, reason, created_at FROM cape_pauses
       WHERE coalesce(paused_until > now(), true) ORDER BY scope
      """;

  /** The fleet's first. */
  public List<Pause> inForce() {
    return database.query(IN_FORCE, bind -> {}, PauseRepository::toPause);
  }

  // The longer one counts: a usage limit does not end earlier.
  private static final String PAUSE =
      """
      INSERT INTO cape_pauses AS p (scope, paused_until, reason)
      VALUES (?, now() + make_interval(secs => ?::float8), ?)
      ON CONFLICT (scope) DO UPDATE
         SET (paused_until, reason, created_at) = (
               SELECT until, why, since
                 FROM (VALUES (p.paused_until, p.reason, p.created_at),
                              (excluded.paused_until, excluded.reason, now())) AS two (until, why, since)
                ORDER BY coalesce(until, 'infinity') DESC, since DESC LIMIT 1)
      RETURNING now() AS now, scope, nullif(paused_until, 'infinity') AS paused_until, reason, created_at
      """;

  /**
   * Pauses a worker, or without one the fleet. Returns the pause that holds: a longer one stays.
   */
  public Pause pause(
      Optional<WorkerId> worker, Optional<Duration> length, Optional<String> reason) {
    return database
        .queryOne(
            PAUSE,
            bind -> bind.text(scope(worker)).seconds(length).text(reason),
            PauseRepository::toPause)
        .orElseThrow();
  }

  private static final String RESUME =
      """
      DELETE FROM cape_pauses WHERE scope::text = ?::text
      RETURNING now() AS now, scope, nullif(paused_until, 'infinity') AS paused_until, reason, created_at,
                coalesce(paused_until > now(), true) AS held
      """;

  /** Ends the pause of a worker, or without one the fleet's. Empty when there was none. */
  public Optional<Pause> resume(Optional<WorkerId> worker) {
    record Lifted(Pause pause, boolean held) {}
    return database
        .queryOne(
            RESUME,
            bind -> bind.text(scope(worker)),
            row -> new Lifted(toPause(row), row.getBoolean("held")))
        .filter(Lifted::held)
        .map(Lifted::pause);
  }

  private static final String WORKER_IDS = "SELECT worker_id FROM cape_workers ORDER BY worker_id";

  public List<String> workerIds() {
    return database.query(WORKER_IDS, bind -> {}, row -> row.getString("worker_id"));
  }

  private static String scope(Optional<WorkerId> worker) {
    return worker.map(WorkerId::value).orElse(FLEET);
  }

  private static Pause toPause(ResultSet row) throws SQLException {
    return new Pause(
        Columns.time(row, "now"),
        Optional.of(row.getString("scope")).filter(scope -> !scope.equals(FLEET)),
        Columns.timeIfAny(row, "paused_until"),
        Columns.textIfAny(row, "reason"),
        Columns.time(row, "created_at"));
  }
}
