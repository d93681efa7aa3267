package com.cape.worker.store.queue;

import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import java.time.Duration;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What rows of cape_issues refuse: kept in cape_refusals, and tried again. */
final class Refusals {
  private static final Logger LOG = LoggerFactory.getLogger(Refusals.class);
  private static final Duration LOCK_LIMIT = Duration.ofMillis(500);
  private static final Duration UNTIL_FIRST_RETRY = Duration.ofSeconds(10);
  private static final int LONGEST_CAUSE = 1000;

  private final Database database;

  Refusals(Database database) {
    this.database = database;
  }

  private static final String SET_ASIDE =
      """
      INSERT INTO cape_refusals AS r (issue_id, fence, status, error, retry_at)
      SELECT i.id, coalesce(i.fence, 0), 'started', ?::text, now() + make_interval(mins => 1)
        FROM cape_issues i WHERE i.id = ?
      ON CONFLICT (issue_id) DO UPDATE
         SET fence = excluded.fence, status = 'started', error = excluded.error, refused_at = now(),
             retry_at = now() + make_interval(mins => least(60, 1 << least(r.tries, 6))), tries = r.tries + 1
      RETURNING issue_id
      """;

  /** Keeps an issue that cannot be claimed out of the queue for a while; false when it is gone. */
  boolean setAside(long issueId, String cause) {
    LOG.warn("claim refused; the issue is set aside issue={} cause={}", issueId, cause);
    return !database
        .query(SET_ASIDE, bind -> bind.text(ascii(cause)).number(issueId), row -> issueId)
        .isEmpty();
  }

  /** Closes the attempt although its issue refuses the write; false when the lease was lost. */
  boolean keep(AttemptEnd end, StoreException failure) {
    boolean ended =
        !database
            .query(
                end.withRefusal(),
                bind -> end.bindWithRefusal(bind, ascii(failure.getMessage()), UNTIL_FIRST_RETRY),
                row -> true)
            .isEmpty();
    if (ended) {
      LOG.warn(
          "issue refused the end of its attempt; it is written later run={} status={} cause={}",
          end.claim().runId(),
          end.settlement().status().word(),
          failure.getMessage());
    }
    return ended;
  }

  private record Kept(long issueId, long fence) {}

  // A refusal is stale when its issue was claimed since, deleted, or has another status.
  private static final String DUE =
      """
      WITH stale AS (
        DELETE FROM cape_refusals r
         WHERE NOT EXISTS (SELECT FROM cape_issues i
                            WHERE i.id = r.issue_id AND coalesce(i.fence, 0) = r.fence
                              AND (r.status <> 'started' OR i.status::text = 'pending'))
      )
      SELECT issue_id, fence FROM cape_refusals
       WHERE status <> 'started' AND retry_at <= now() ORDER BY retry_at LIMIT 100
      """;

  private static final String POSTPONE =
      """
      UPDATE cape_refusals
         SET error = ?::text, refused_at = now(), tries = tries + 1,
             retry_at = now() + make_interval(secs => least(10 * (1 << least(tries, 10)), 3600)::float8)
       WHERE issue_id = ? AND fence = ? AND status <> 'started'
      RETURNING issue_id
      """;

  /** Writes what is due into the issues that accept it by now; returns how many. */
  int retry() {
    return database
        .query(DUE, bind -> {}, row -> new Kept(row.getLong("issue_id"), row.getLong("fence")))
        .stream()
        .mapToInt(this::retry)
        .sum();
  }

  private int retry(Kept kept) {
    try {
      List<String> written =
          database.query(
              AttemptEnd.LATE_ISSUE,
              bind ->
                  bind.number(kept.issueId())
                      .number(kept.fence())
                      .text(Long.toString(LOCK_LIMIT.toMillis())),
              row -> Columns.textIfAny(row, "status").orElse("unchanged"));
      written.forEach(
          status ->
              LOG.info(
                  "issue took the end of its attempt issue={} status={}", kept.issueId(), status));
      return written.size();
    } catch (StoreException e) {
      if (e.ofConnection()) {
        throw e;
      }
      database.query(
          POSTPONE,
          bind -> bind.text(ascii(e.getMessage())).number(kept.issueId()).number(kept.fence()),
          row -> kept);
      return 0;
    }
  }

  /** For a column of any encoding. */
  private static String ascii(String cause) {
    return Settlement.ascii(
        cause.length() < LONGEST_CAUSE ? cause : cause.substring(0, LONGEST_CAUSE));
  }
}
