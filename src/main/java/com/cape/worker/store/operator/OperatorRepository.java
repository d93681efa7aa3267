package com.cape.worker.store.operator;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.store.Database;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What people change. A change names the fence and the status that it was decided on; if a claim
 * came in between, it is decided anew.
 */
public final class OperatorRepository {
  private static final int BATCH = 1000;
  private static final int MOST_ROUNDS = 20;
  private static final String CHANGED_MEANWHILE = "CHANGED";

  private final Database database;

  public OperatorRepository(Database database) {
    this.database = requireNonNull(database);
  }

  private static final String SUBMIT =
      """
      INSERT INTO cape_issues (description, priority, run_after)
      SELECT description, ?, now() + make_interval(secs => ?)
        FROM unnest(?) WITH ORDINALITY AS given (description, number) ORDER BY number
      RETURNING id
      """;

  /** Submits all of them or none; returns their ids in the same order. */
  public List<Long> submit(List<String> descriptions, int priority, Duration after) {
    return database.query(
        SUBMIT,
        bind -> bind.number(priority).seconds(after).texts(descriptions),
        row -> row.getLong("id"));
  }

  private static final String SEEN =
      """
      WITH seen AS MATERIALIZED (
        SELECT asked.id AS asked, number, i.id IS NOT NULL AS found, coalesce(i.status::text, '') AS status,
               coalesce(i.fence, 0) AS fence, coalesce(i.run_after > now(), true) AS waiting,
               EXISTS (SELECT FROM cape_issue_attempts a
                        WHERE a.issue_id = asked.id AND a.outcome = 'running') AS running,
               EXISTS (SELECT FROM cape_refusals r
                        WHERE r.issue_id = i.id AND r.fence = i.fence AND r.status <> 'started') AS unsettled
          FROM unnest(?) WITH ORDINALITY AS asked (id, number) LEFT JOIN cape_issues i ON i.id = asked.id
      ), changed AS (
      """;

  private static final String RETRY =
      SEEN
          + """
            UPDATE cape_issues i
               SET status = 'pending', attempts = 0, run_after = now(), updated_at = now(),
                   cancel_requested_at = NULL, assigned_worker_id = NULL, started_at = NULL,
                   completed_at = NULL
              FROM seen
             WHERE i.id = seen.asked AND coalesce(i.fence, 0) = seen.fence AND i.status::text = seen.status AND NOT running
               AND (seen.status IN ('failed', 'cancelled')
                    OR seen.status = 'pending' AND waiting AND seen.fence > 0
                    OR seen.status = 'started' AND ?)
            RETURNING i.id
          ), forgotten AS (
            DELETE FROM cape_refusals r USING changed WHERE r.issue_id = changed.id
          )
          SELECT asked,
                 CASE WHEN changed.id IS NOT NULL THEN 'QUEUED'
                      WHEN NOT found THEN 'NOT_FOUND'
                      WHEN running THEN 'RUNNING'
                      WHEN status IN ('failed', 'cancelled') THEN 'CHANGED'
                      WHEN status = 'started' THEN CASE WHEN ? THEN 'CHANGED' WHEN unsettled THEN 'UNSETTLED' ELSE 'UNOWNED' END
                      WHEN status = 'completed' THEN 'COMPLETED'
                      WHEN status = 'pending' AND NOT waiting THEN 'DUE'
                      WHEN status = 'pending' THEN CASE WHEN seen.fence > 0 THEN 'CHANGED' ELSE 'SCHEDULED' END
                      ELSE 'OTHER' END AS result
            FROM seen LEFT JOIN changed ON changed.id = asked ORDER BY number
          """;

  /**
   * Makes failed, cancelled and waiting issues pending and due, with no attempt counted.
   *
   * @param unowned also those that are started without a running attempt; an end that such an issue
   *     did not take is discarded
   */
  public Map<Long, ChangeResult> retry(List<Long> ids, boolean unowned) {
    return change(
        ids,
        (batch, read) ->
            database.query(RETRY, bind -> bind.numbers(batch).flag(unowned).flag(unowned), read));
  }

  private static final String CANCEL =
      SEEN
          + """
            UPDATE cape_issues i
               SET status = CASE WHEN running THEN i.status ELSE 'cancelled' END,
                   cancel_requested_at = now(), updated_at = now()
              FROM seen
             WHERE i.id = seen.asked AND coalesce(i.fence, 0) = seen.fence AND i.status::text = seen.status
               AND (running OR seen.status = 'pending')
            RETURNING i.id
          )
          SELECT asked,
                 CASE WHEN changed.id IS NOT NULL AND running THEN 'REQUESTED'
                      WHEN changed.id IS NOT NULL THEN 'CANCELLED'
                      WHEN NOT found THEN 'NOT_FOUND'
                      WHEN running OR status = 'pending' THEN 'CHANGED'
                      WHEN status = 'cancelled' THEN 'ALREADY_CANCELLED'
                      WHEN status IN ('completed', 'failed') THEN 'ENDED'
                      WHEN status = 'started' THEN CASE WHEN unsettled THEN 'UNSETTLED' ELSE 'UNSTOPPABLE' END
                      ELSE 'OTHER' END AS result
            FROM seen LEFT JOIN changed ON changed.id = asked ORDER BY number
          """;

  /** Cancels pending issues at once, and asks whoever runs the others to stop. */
  public Map<Long, ChangeResult> cancel(List<Long> ids) {
    return change(ids, (batch, read) -> database.query(CANCEL, bind -> bind.numbers(batch), read));
  }

  private record Answer(long id, String result) {}

  private interface Change {
    List<Answer> apply(List<Long> batch, Database.Mapper<Answer> read);
  }

  private static Map<Long, ChangeResult> change(List<Long> ids, Change change) {
    Map<Long, ChangeResult> done = new LinkedHashMap<>();
    for (int start = 0; start < ids.size(); start += BATCH) {
      List<Long> open = ids.subList(start, Math.min(ids.size(), start + BATCH));
      for (int round = 0; round < MOST_ROUNDS && !open.isEmpty(); round++) {
        List<Long> again = new ArrayList<>();
        for (Answer answer :
            change.apply(open, row -> new Answer(row.getLong(1), row.getString(2)))) {
          if (answer.result().equals(CHANGED_MEANWHILE)) {
            again.add(answer.id());
          } else {
            done.put(answer.id(), ChangeResult.valueOf(answer.result()));
          }
        }
        open = again;
      }
      // Nobody changes a row that often: a trigger or a row policy passes the change over.
      open.forEach(id -> done.put(id, ChangeResult.REFUSED));
    }
    return done;
  }

  private static final String WITH_STATUS =
      "SELECT id FROM cape_issues i WHERE status::text = '%s' %s";

  private static final String RUNNING =
      "EXISTS (SELECT FROM cape_issue_attempts a WHERE a.issue_id = i.id AND a.outcome = 'running')";

  /** All issues of a status that {@link #retry} would queue. */
  public List<Long> retryable(IssueStatus status) {
    String further =
        switch (status) {
          case PENDING -> "AND run_after > now() AND fence > 0";
          case STARTED -> "AND NOT " + RUNNING;
          case COMPLETED, FAILED, CANCELLED -> "";
        };
    return ids(status, further);
  }

  /** All issues of a status that {@link #cancel} would cancel. */
  public List<Long> cancellable(IssueStatus status) {
    return ids(status, status == IssueStatus.STARTED ? "AND " + RUNNING : "");
  }

  private List<Long> ids(IssueStatus status, String further) {
    return database.query(
        WITH_STATUS.formatted(status.word(), further) + " ORDER BY id",
        bind -> {},
        row -> row.getLong("id"));
  }
}
