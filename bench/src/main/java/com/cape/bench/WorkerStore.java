package com.cape.bench;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.store.queue.Settlement;
import com.cape.worker.store.queue.WorkerIdentity;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import javax.sql.DataSource;

/**
 * The store of the worker as the JAR has it; with the JMH benchmarks all that knows its classes.
 */
public final class WorkerStore implements AutoCloseable {
  private static final int MOST_CONNECTIONS = 8;
  private static final Duration STATEMENT_LIMIT = Duration.ofSeconds(15);
  private static final Duration LEASE = Duration.ofSeconds(300);
  private static final Settlement COMPLETED =
      new Settlement(
          Outcome.COMPLETED,
          IssueStatus.COMPLETED,
          Optional.empty(),
          true,
          Optional.of(0),
          Optional.empty(),
          Optional.empty(),
          "",
          Optional.empty());

  private final WorkerIdentity identity =
      new WorkerIdentity(new WorkerId("bench"), UUID.randomUUID(), "localhost", 1);
  private final Database database;
  private final IssueRepository issues;

  /** A pool like the one of a worker with so many slots. */
  public WorkerStore(String url, int slots) {
    this(
        Database.open(
            DatabaseUrl.parse(url),
            "bench",
            Math.min(slots, MOST_CONNECTIONS) + 1,
            STATEMENT_LIMIT));
  }

  WorkerStore(DataSource connections) {
    this(new Database(connections));
  }

  private WorkerStore(Database database) {
    this.database = database;
    this.issues = new IssueRepository(database);
  }

  /** A new database with the worker's schema; answers its URL. */
  static String createDatabase(Settings settings, String name) throws SQLException {
    Sql.createDatabase(settings, name);
    new Migrator(DatabaseUrl.parse(settings.url(name))).migrate();
    return settings.url(name);
  }

  /** Leaves so many pending issues and no others. */
  public static void fill(String url, int pending) throws SQLException {
    try (var sql = new Sql(url)) {
      sql.execute("TRUNCATE cape_issues, cape_issue_attempts");
      sql.execute(
          "INSERT INTO cape_issues (description) SELECT 'bench' FROM generate_series(1, ?)",
          pending);
      sql.execute("VACUUM ANALYZE cape_issues");
      sql.execute("CHECKPOINT");
    }
  }

  /** Claims an issue; there has to be one. */
  public Claim claim() {
    return issues
        .claim(UUID.randomUUID(), identity, "logs/issues", LEASE)
        .claim()
        .orElseThrow(() -> new IllegalStateException("the benchmark inserted too few issues"));
  }

  /** Settles it as completed. */
  public void settle(Claim claim) {
    if (issues.settle(claim, COMPLETED).isEmpty()) {
      throw new IllegalStateException("the lease of a benchmark's issue was lost");
    }
  }

  @Override
  public void close() {
    database.close();
  }
}
