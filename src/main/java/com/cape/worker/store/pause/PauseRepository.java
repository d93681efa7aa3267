package com.cape.worker.store.pause;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.Outcome;
import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Pauses of the fleet, of accounts and of workers. Safe for use by several threads. */
public final class PauseRepository {
  private final Database database;

  public PauseRepository(Database database) {
    this.database = requireNonNull(database);
  }

  private static final String IN_FORCE =
      """
      SELECT now() AS now, scope, kind, phase, nullif(paused_until, 'infinity') AS paused_until, reason, created_at,
             issue_id, line
        FROM cape_pause_phases WHERE phase <> 'over' ORDER BY scope
      """;

  /** The fleet's first. */
  public List<Pause> inForce() {
    return database.query(IN_FORCE, bind -> {}, PauseRepository::toPause);
  }

  // The longer one counts: a usage limit does not end earlier. One that waits for its probe counts
  // as over.
  private static final String PAUSE =
      """
      INSERT INTO cape_pauses AS p (scope, paused_until, reason)
      VALUES (?, now() + make_interval(secs => ?::float8), ?)
      ON CONFLICT (scope) DO UPDATE
         SET (paused_until, reason, created_at, kind) = (
               SELECT until, why, since, what
                 FROM (VALUES (p.paused_until, p.reason, p.created_at, p.kind),
                              (excluded.paused_until, excluded.reason, now(), 'asked')) AS two (until, why, since, what)
                ORDER BY coalesce(until, 'infinity') DESC, since DESC LIMIT 1)
      RETURNING now() AS now, scope, kind, 'paused' AS phase, nullif(paused_until, 'infinity') AS paused_until, reason,
                created_at, issue_id, line
      """;

  /** A person's pause. Returns the one that holds: a longer one stays. */
  public Pause pause(PauseScope scope, Optional<Duration> length, Optional<String> reason) {
    return database
        .queryOne(
            PAUSE,
            bind -> bind.text(scope.text()).seconds(length).text(reason),
            PauseRepository::toPause)
        .orElseThrow();
  }

  // For an attempt that has "ended". A pause that holds is extended, never shortened. One that a
  // probe or a run of the
  // ramp finds to hold still begins again, with its next wait.
  public static final String ORDER =
      """
      INSERT INTO cape_pauses AS p (scope, kind, paused_until, reason, issue_id, line, ramp_step)
      SELECT ?::text, ?::text, now() + make_interval(secs => (?::float8[])[1]), ?::text, ended.issue_id,
             nullif(?::text, ''), make_interval(secs => ?::float8)
        FROM ended
      ON CONFLICT (scope) DO UPDATE
         SET kind = excluded.kind, reason = excluded.reason, issue_id = excluded.issue_id, line = excluded.line,
             ramp_step = excluded.ramp_step, probe_run = NULL, ramp_turn = 0, ramp_claims = 0,
             created_at = CASE WHEN p.kind = excluded.kind THEN p.created_at ELSE now() END,
             failures = CASE WHEN p.kind <> excluded.kind THEN 1 WHEN p.paused_until > now() THEN p.failures
                             ELSE p.failures + 1 END,
             paused_until = greatest(excluded.paused_until, CASE
               WHEN p.paused_until > now() THEN p.paused_until
               WHEN p.kind = excluded.kind THEN
                 now() + make_interval(secs => (?::float8[])[least(p.failures + 1, cardinality(?::float8[]))]) END)
       WHERE p.paused_until < excluded.paused_until OR p.kind <> 'asked' AND p.paused_until <= now()
      """;

  public static void bind(Database.Binding bind, PauseOrder order) throws SQLException {
    bind.text(order.scope().text())
        .text(order.kind().word())
        .seconds(order.waits())
        .text(order.reason())
        .text(order.line())
        .seconds(order.rampStep())
        .seconds(order.waits())
        .seconds(order.waits());
  }

  private static final String ORDER_ALONE =
      "WITH ended AS (SELECT ?::bigint AS issue_id) " + ORDER + " RETURNING p.scope";

  /** A pause that no single end asks for; false when a longer one holds. */
  public boolean order(PauseOrder order, long issueId) {
    return database
        .queryOne(
            ORDER_ALONE,
            bind -> {
              bind.number(issueId);
              bind(bind, order);
            },
            row -> row.getString("scope"))
        .isPresent();
  }

  // Ids grow with the time of the claim: no index by time is needed for the last few.
  private static final String LAST_ENDS =
      """
      SELECT worker_id, issue_id, outcome, extract(epoch FROM finished_at - started_at)::float8 AS ran_s, started_at,
             finished_at, split_part(coalesce(error, ''), E'\\n', 1) AS error,
             CASE WHEN error LIKE E'%\\n%' THEN right(error, 300) END AS output
        FROM (SELECT * FROM cape_issue_attempts ORDER BY id DESC LIMIT 1000) AS a
       WHERE account::text = ?::text AND finished_at IS NOT NULL
         AND outcome IN ('completed', 'failed', 'timed_out', 'output_limit', 'overloaded')
       ORDER BY finished_at DESC, id DESC
      """;

  /** How the account's last attempts ended, the last one first; without what says nothing. */
  public List<RecentEnd> lastEnds(String account) {
    return database.read(
        LAST_ENDS,
        bind -> bind.text(account),
        row ->
            new RecentEnd(
                row.getString("worker_id"),
                row.getLong("issue_id"),
                Outcome.ofWord(row.getString("outcome")),
                Duration.ofMillis(Math.round(row.getDouble("ran_s") * 1000)),
                Columns.time(row, "started_at"),
                Columns.time(row, "finished_at"),
                Columns.text(row, "error"),
                Columns.text(row, "output")));
  }

  private static final String RESUME =
      """
      WITH before AS (SELECT phase FROM cape_pause_phases WHERE scope::text = ?::text)
      DELETE FROM cape_pauses p USING before WHERE p.scope::text = ?::text
      RETURNING now() AS now, p.scope, p.kind, before.phase, nullif(p.paused_until, 'infinity') AS paused_until, p.reason,
                p.created_at, p.issue_id, p.line
      """;

  /** Ends a pause, its probe and its ramp. Empty when there was none. */
  public Optional<Pause> resume(PauseScope scope) {
    return database
        .queryOne(
            RESUME, bind -> bind.text(scope.text()).text(scope.text()), PauseRepository::toPause)
        .filter(pause -> pause.phase() != Pause.Phase.OVER);
  }

  private static final String WORKER_IDS = "SELECT worker_id FROM cape_workers ORDER BY worker_id";

  public List<String> workerIds() {
    return database.query(WORKER_IDS, bind -> {}, row -> row.getString("worker_id"));
  }

  private static final String ACCOUNTS =
      "SELECT DISTINCT account FROM cape_workers ORDER BY account";

  /** Those that workers have registered with. */
  public List<String> accounts() {
    return database.query(ACCOUNTS, bind -> {}, row -> row.getString("account"));
  }

  private static Pause toPause(ResultSet row) throws SQLException {
    return new Pause(
        Columns.time(row, "now"),
        new PauseScope(row.getString("scope")),
        PauseOrder.Kind.ofWord(row.getString("kind")),
        Pause.Phase.ofWord(row.getString("phase")),
        Columns.timeIfAny(row, "paused_until"),
        Columns.textIfAny(row, "reason"),
        Columns.time(row, "created_at"),
        Optional.ofNullable(row.getObject("issue_id", Long.class)),
        Columns.textIfAny(row, "line"));
  }
}
