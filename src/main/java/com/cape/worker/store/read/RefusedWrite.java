package com.cape.worker.store.read;

import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A write to an issue's row that the database refused, and that is tried again.
 *
 * @param now the database's clock
 * @param status {@code started} for a claim, else how the issue ended
 */
public record RefusedWrite(
    Instant now, long issueId, String status, String error, Optional<Instant> retryAt, int tries) {
  private static final int MOST = 100;

  private static final String EXISTS = "SELECT to_regclass('cape_refusals') IS NOT NULL AS found";

  private static final String REFUSALS =
      """
      SELECT now() AS now, issue_id, status, error, retry_at::timestamptz AS retry_at, tries
        FROM cape_refusals WHERE ? OR issue_id = ? ORDER BY refused_at DESC, issue_id LIMIT ?
      """;

  /** Those of an issue, or the newest of all. A schema that is older has none. */
  static List<RefusedWrite> find(Database database, Optional<Long> issue) {
    boolean exists =
        database.queryOne(EXISTS, bind -> {}, row -> row.getBoolean("found")).orElseThrow();
    return exists
        ? database.read(
            REFUSALS,
            bind -> bind.flag(issue.isEmpty()).number(issue.orElse(0L)).number(MOST),
            RefusedWrite::toRefusal)
        : List.of();
  }

  private static RefusedWrite toRefusal(ResultSet row) throws SQLException {
    return new RefusedWrite(
        Columns.time(row, "now"),
        row.getLong("issue_id"),
        Columns.text(row, "status"),
        Columns.text(row, "error"),
        Columns.timeIfAny(row, "retry_at"),
        row.getInt("tries"));
  }

  public boolean ofClaim() {
    return status.equals("started");
  }
}
