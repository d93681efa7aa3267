package com.cape.worker.store;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.WorkerId;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.Optional;
import java.util.UUID;

/** Every statement about the workers themselves. Safe for use by several threads. */
public final class WorkerRepository {
  private final Database database;
  private final String version;

  /**
   * For the workers of a version.
   *
   * @param version of this program, for people who read the table
   */
  public WorkerRepository(Database database, String version) {
    this.database = requireNonNull(database);
    this.version = requireNonNull(version);
  }

  private static final String REGISTER =
      """
      INSERT INTO cape_workers AS w (worker_id, instance, host, pid, version, state)
      VALUES (?, ?, ?, ?, ?, 'idle')
      ON CONFLICT (worker_id) DO UPDATE
         SET instance = excluded.instance, host = excluded.host, pid = excluded.pid,
             version = excluded.version, state = 'idle', started_at = now(), heartbeat_at = now()
       WHERE w.instance IN (excluded.instance, ?) OR w.state = 'stopped'
          OR w.heartbeat_at < now() - make_interval(secs => ?)
      RETURNING worker_id
      """;

  private static final String HOLDER =
      "SELECT worker_id, instance, host, pid, started_at FROM cape_workers WHERE worker_id = ?";

  /**
   * Registers this instance of a worker; empty when that is done, else who holds the id and is
   * alive.
   *
   * @param lease how old a heartbeat may be for its worker to count as alive
   * @param previous the instance that this worker's own state directory shows to be gone
   */
  public Optional<Registration> register(
      WorkerIdentity worker, Duration lease, Optional<UUID> previous) {
    Optional<Registration> holder;
    do {
      if (registered(worker, lease, previous.orElse(worker.instance()))) {
        return Optional.empty();
      }
      holder =
          database.queryOne(
              HOLDER, bind -> bind.text(worker.id().value()), WorkerRepository::toRegistration);
    } while (holder.isEmpty()); // its row was deleted in between
    return holder;
  }

  private boolean registered(WorkerIdentity worker, Duration lease, UUID alsoReplaced) {
    return database
        .queryOne(
            REGISTER,
            bind ->
                bind.text(worker.id().value())
                    .uuid(worker.instance())
                    .text(worker.host())
                    .number(worker.pid())
                    .text(version)
                    .uuid(alsoReplaced)
                    .seconds(lease),
            row -> row.getString("worker_id"))
        .isPresent();
  }

  private static Registration toRegistration(ResultSet row) throws SQLException {
    return new Registration(
        new WorkerIdentity(
            new WorkerId(row.getString("worker_id")),
            row.getObject("instance", UUID.class),
            row.getString("host"),
            row.getLong("pid")),
        row.getObject("started_at", OffsetDateTime.class).toInstant());
  }

  private static final String HEARTBEAT =
      """
      INSERT INTO cape_workers AS w (worker_id, instance, host, pid, version, state)
      VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (worker_id) DO UPDATE SET heartbeat_at = now(), state = excluded.state
       WHERE w.instance = excluded.instance
      RETURNING worker_id
      """;

  /**
   * Tells that the worker is alive; false when the id is registered to another instance. A row that
   * somebody deleted is written again.
   */
  public boolean heartbeat(WorkerIdentity worker, WorkerState state) {
    return database
        .queryOne(
            HEARTBEAT,
            bind ->
                bind.text(worker.id().value())
                    .uuid(worker.instance())
                    .text(worker.host())
                    .number(worker.pid())
                    .text(version)
                    .text(state.word()),
            row -> row.getString("worker_id"))
        .isPresent();
  }
}
