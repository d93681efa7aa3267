package com.cape.worker.store.read;

import com.cape.worker.issue.Outcome;
import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How the attempts of the last day ended. An index on that time would slow down every settle; the
 * newest ids are read instead.
 *
 * @param now the database's clock
 * @param pickUp empty when nothing was claimed for the first time within the last hour
 */
public record History(Instant now, List<Endings> endings, Optional<PickUp> pickUp) {
  /** The number of attempts that ended so in the minute from then on. */
  public record Endings(Instant at, Outcome outcome, long number) {}

  /** The p50 and p95 of the time from when an issue was due to its first claim. */
  public record PickUp(Duration p50, Duration p95) {}

  // An attempt that began before it and ended within the day is not counted.
  private static final Duration OLDEST_START = Duration.ofHours(30);
  private static final int MOST_ATTEMPTS = 500_000;
  private static final int MOST_PICK_UPS = 1000;

  // Ids grow with the start times: a binary search.
  private static final String FIRST =
      """
      WITH RECURSIVE halving (low, high) AS (
        SELECT min(id), max(id) FROM cape_issue_attempts
        UNION ALL
        SELECT CASE WHEN older THEN middle + 1 ELSE low END, CASE WHEN older THEN high ELSE middle END
          FROM (SELECT low, high, (low + high) / 2 AS middle,
                       (SELECT started_at FROM cape_issue_attempts WHERE id >= (low + high) / 2 ORDER BY id LIMIT 1)
                       < now() - make_interval(secs => ?) AS older
                  FROM halving WHERE low < high) AS halves
      )
      SELECT now() AS now, coalesce(greatest(max(low), max(high) - ?), 0) AS first FROM halving
      """;

  private static final String ENDINGS =
      """
      SELECT date_trunc('minute', finished_at) AS minute, outcome, count(*) AS number
        FROM cape_issue_attempts
       WHERE id >= ? AND finished_at > now() - interval '1 day'
       GROUP BY minute, outcome
      """;

  private static final String PICK_UP =
      """
      SELECT percentile_disc(0.5::float8) WITHIN GROUP (ORDER BY waited_s) AS half,
             percentile_disc(0.95::float8) WITHIN GROUP (ORDER BY waited_s) AS most
        FROM (SELECT extract(epoch FROM a.started_at - i.run_after)::float8 AS waited_s
                FROM (SELECT issue_id, attempt, fence, started_at FROM cape_issue_attempts
                       WHERE id >= ? ORDER BY id DESC LIMIT ?) AS a
                JOIN cape_issues i ON i.id = a.issue_id AND i.fence = a.fence
               WHERE a.attempt = 1 AND a.started_at > now() - interval '1 hour'
                 AND i.run_after <= a.started_at AND i.run_after > '-infinity') AS picked
      """;

  private record First(Instant now, long id) {}

  public static History read(Database database) {
    First first =
        database
            .queryOne(
                FIRST,
                bind -> bind.seconds(OLDEST_START).number(MOST_ATTEMPTS),
                row -> new First(Columns.time(row, "now"), row.getLong("first")))
            .orElseThrow();
    List<Endings> endings =
        database.query(
            ENDINGS,
            bind -> bind.number(first.id()),
            row ->
                new Endings(
                    Columns.time(row, "minute"),
                    Outcome.ofWord(row.getString("outcome")),
                    row.getLong("number")));
    Optional<PickUp> pickUp =
        database
            .query(
                PICK_UP, bind -> bind.number(first.id()).number(MOST_PICK_UPS), History::toPickUp)
            .get(0);
    return new History(first.now(), endings, pickUp);
  }

  private static Optional<PickUp> toPickUp(ResultSet row) throws SQLException {
    double half = row.getDouble("half");
    return row.wasNull()
        ? Optional.empty()
        : Optional.of(new PickUp(seconds(half), seconds(row.getDouble("most"))));
  }

  private static Duration seconds(double value) {
    return Duration.ofNanos(Math.round(value * 1e9));
  }
}
