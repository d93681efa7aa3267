package com.cape.worker.store.read;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.Outcome;
import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** Single issues and their attempts, for people. */
public final class IssueQueries {
  static final int BEGINNING = 1000;

  private final Database database;

  public IssueQueries(Database database) {
    this.database = requireNonNull(database);
  }

  public enum Sort {
    NEWEST,
    OLDEST,
    /** Pending issues in the order of claims. */
    QUEUE
  }

  // A varchar is cast to text, here and elsewhere: see IssueRepository.
  static final String VIEW =
      """
      SELECT now() AS now, i.id, status, left(description::text, %d) AS description,
             length(description::text) AS description_length, priority, attempts, fence, assigned_worker_id,
             run_after, created_at::timestamptz AS created_at, updated_at::timestamptz AS updated_at,
             started_at::timestamptz AS started_at, completed_at::timestamptz AS completed_at,
             cancel_requested_at::timestamptz AS cancel_requested_at, last_error,
             EXISTS (SELECT FROM cape_issue_attempts a
                      WHERE a.issue_id = i.id AND a.outcome = 'running') AS running
        FROM %s AS i
      """;

  public Optional<IssueView> find(long id) {
    return find(id, Integer.MAX_VALUE);
  }

  /** An issue with the beginning of its description. */
  public Optional<IssueView> look(long id) {
    return find(id, BEGINNING);
  }

  public Optional<IssueView> find(long id, int characters) {
    return database
        .read(
            VIEW.formatted(characters, "cape_issues") + " WHERE i.id = ?",
            bind -> bind.number(id),
            IssueQueries::toIssue)
        .stream()
        .findFirst();
  }

  private static final String WHY_WAITING = "SELECT cape_why_waiting(?) AS why";

  /** Why a pending issue is not running; empty for one that is not pending. */
  public Optional<String> whyWaiting(long id) {
    return database
        .read(WHY_WAITING, bind -> bind.number(id), row -> Columns.textIfAny(row, "why"))
        .get(0);
  }

  private static final String ATTEMPTS =
      """
      SELECT issue_id, attempt, fence, run_id, worker_id, host, pid, started_at, lease_expires_at, finished_at,
             outcome, exit_code, signal, error, output_tail, log_file, adopted_at, adoptions
        FROM cape_issue_attempts WHERE issue_id = ?
      """;

  private static final String NEWEST = " ORDER BY fence DESC, id DESC LIMIT ?";

  /** The newest attempts of an issue, the last one first. */
  public List<AttemptView> attempts(long id, int limit) {
    return database.read(
        ATTEMPTS + NEWEST, bind -> bind.number(id).number(limit), IssueQueries::toAttempt);
  }

  private static final String COUNT_ATTEMPTS =
      "SELECT count(*) AS number FROM cape_issue_attempts WHERE issue_id = ?";

  public long countAttempts(long id) {
    return database
        .queryOne(COUNT_ATTEMPTS, bind -> bind.number(id), row -> row.getLong("number"))
        .orElseThrow();
  }

  private static final String OF_NUMBER = ATTEMPTS + "AND attempt = coalesce(?, attempt)" + NEWEST;

  /** The last attempt of an issue, or the last one of that number. */
  public Optional<AttemptView> attempt(long id, Optional<Integer> number) {
    return firstAttempt(OF_NUMBER, bind -> bind.number(id).number(number).number(1));
  }

  private static final String OF_FENCE = ATTEMPTS + "AND fence = ?" + NEWEST;

  /** The attempt that a claim began. */
  public Optional<AttemptView> attempt(long id, long fence) {
    return firstAttempt(OF_FENCE, bind -> bind.number(id).number(fence).number(1));
  }

  private Optional<AttemptView> firstAttempt(String sql, Database.Binder binder) {
    return database.read(sql, binder, IssueQueries::toAttempt).stream().findFirst();
  }

  public List<RefusedWrite> refusals(long id) {
    return RefusedWrite.find(database, Optional.of(id));
  }

  static IssueView toIssue(ResultSet row) throws SQLException {
    return new IssueView(
        Columns.time(row, "now"),
        row.getLong("id"),
        Columns.textIfAny(row, "status").orElse("none"),
        Columns.text(row, "description"),
        row.getInt("description_length"),
        row.getInt("priority"),
        row.getInt("attempts"),
        row.getLong("fence"),
        Columns.textIfAny(row, "assigned_worker_id"),
        Columns.timeIfAny(row, "run_after"),
        Columns.timeIfAny(row, "created_at"),
        Columns.timeIfAny(row, "updated_at"),
        Columns.timeIfAny(row, "started_at"),
        Columns.timeIfAny(row, "completed_at"),
        Columns.timeIfAny(row, "cancel_requested_at"),
        Columns.textIfAny(row, "last_error"),
        row.getBoolean("running"));
  }

  private static AttemptView toAttempt(ResultSet row) throws SQLException {
    return new AttemptView(
        row.getLong("issue_id"),
        row.getInt("attempt"),
        row.getLong("fence"),
        row.getObject("run_id", UUID.class),
        Columns.text(row, "worker_id"),
        Columns.text(row, "host"),
        row.getLong("pid"),
        Columns.time(row, "started_at"),
        Columns.time(row, "lease_expires_at"),
        Columns.timeIfAny(row, "finished_at"),
        Outcome.ofWord(Columns.text(row, "outcome")),
        Columns.numberIfAny(row, "exit_code"),
        Columns.numberIfAny(row, "signal"),
        Columns.textIfAny(row, "error"),
        Columns.textIfAny(row, "output_tail"),
        Columns.textIfAny(row, "log_file"),
        Columns.timeIfAny(row, "adopted_at"),
        row.getInt("adoptions"));
  }
}
