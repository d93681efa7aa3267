package com.cape.worker.store.queue;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * Every statement about the workers themselves and their leases. Safe for use by several threads.
 */
public final class WorkerRepository {
  static final String DEFAULT_ACCOUNT = "default";

  private final Database database;
  private final String version;
  private final String account;

  /** For a worker of the default account, or none. */
  public WorkerRepository(Database database, String version) {
    this(database, version, DEFAULT_ACCOUNT);
  }

  /**
   * @param account the provider account whose limits the worker's runs meet
   */
  public WorkerRepository(Database database, String version, String account) {
    this.database = requireNonNull(database);
    this.version = requireNonNull(version);
    this.account = requireNonNull(account);
  }

  /** A live worker that holds its id. */
  public record Registration(WorkerIdentity worker, Instant startedAt) {}

  private static final String REGISTER =
      """
      INSERT INTO cape_workers AS w (worker_id, instance, host, pid, version, lease_seconds, account, state)
      VALUES (?, ?, ?, ?, ?, ?, ?, 'idle')
      ON CONFLICT (worker_id) DO UPDATE
         SET instance = excluded.instance, host = excluded.host, pid = excluded.pid,
             version = excluded.version, lease_seconds = excluded.lease_seconds,
             account = excluded.account, state = 'idle',
             started_at = now(), heartbeat_at = now(), listener_up = false, free_slots = 0, drain_requested_for = NULL,
             drain_hand_over = false
       WHERE w.instance = excluded.instance OR w.instance = ANY (?) OR w.state = 'stopped'
          OR w.heartbeat_at < now() - make_interval(secs => w.lease_seconds::float8)
      RETURNING worker_id
      """;

  private static final String HOLDER =
      "SELECT worker_id, instance, host, pid, started_at FROM cape_workers WHERE worker_id::text = ?::text";

  /**
   * Registers this instance of a worker; else returns the live one that holds the id.
   *
   * @param lease how old this worker's heartbeat may be for it to count as alive
   * @param predecessors instances that this worker's own state directory shows to be gone
   */
  public Optional<Registration> register(
      WorkerIdentity worker, Duration lease, List<UUID> predecessors) {
    Optional<Registration> holder;
    do {
      if (registered(worker, lease, predecessors)) {
        return Optional.empty();
      }
      holder =
          database.queryOne(
              HOLDER, bind -> bind.text(worker.id().value()), WorkerRepository::toRegistration);
    } while (holder.isEmpty()); // its row was deleted in between
    return holder;
  }

  private boolean registered(WorkerIdentity worker, Duration lease, List<UUID> predecessors) {
    return database
        .queryOne(
            REGISTER,
            bind -> bindWorker(bind, worker, lease).uuids(predecessors),
            row -> row.getString("worker_id"))
        .isPresent();
  }

  private Database.Binding bindWorker(Database.Binding bind, WorkerIdentity worker, Duration lease)
      throws SQLException {
    return bind.text(worker.id().value())
        .uuid(worker.instance())
        .text(worker.host())
        .number(worker.pid())
        .text(version)
        .number(lease.toSeconds())
        .text(account);
  }

  private static Registration toRegistration(ResultSet row) throws SQLException {
    return new Registration(toIdentity(row), Columns.time(row, "started_at"));
  }

  /**
   * @param rank of this worker among those that listen and have a free slot, from 0
   * @param ready how many these are, this one among them
   * @param restart whether its service manager is to start it again after the drain
   * @param handOver whether it is to leave at once, and its runs to its next process
   */
  public record HeartbeatReply(
      int rank, int ready, boolean drainRequested, boolean restart, boolean handOver) {}

  // Heartbeats come every tenth of the lease; a worker that missed three is not ranked.
  private static final String HEARTBEAT =
      """
      WITH beat AS (
        INSERT INTO cape_workers AS w (worker_id, instance, host, pid, version, lease_seconds, account, state, listener_up,
                                       free_slots)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (worker_id) DO UPDATE
           SET heartbeat_at = now(), state = excluded.state, listener_up = excluded.listener_up,
               free_slots = excluded.free_slots
         WHERE w.instance = excluded.instance
        RETURNING worker_id, coalesce(drain_requested_for = instance, false) AS drain, drain_restart, drain_hand_over
      )
      SELECT beat.drain, beat.drain_restart, beat.drain_hand_over, others.before, others.number
        FROM beat, LATERAL (
          SELECT count(*) FILTER (WHERE o.worker_id::text < beat.worker_id::text) AS before, count(*) AS number
            FROM cape_workers o
           WHERE o.worker_id::text <> beat.worker_id::text AND o.listener_up AND o.free_slots > 0
             AND o.heartbeat_at > now() - make_interval(secs => 0.3::float8 * o.lease_seconds::float8)) AS others
      """;

  /** Empty when the id is registered to another instance. A deleted row is written again. */
  public Optional<HeartbeatReply> heartbeat(
      WorkerIdentity worker, WorkerStatus status, Duration lease) {
    return database.queryOne(
        HEARTBEAT,
        bind ->
            bindWorker(bind, worker, lease)
                .text(status.state().word())
                .flag(status.listenerUp())
                .number(status.freeSlots()),
        row ->
            new HeartbeatReply(
                row.getInt("before"),
                row.getInt("number") + 1,
                row.getBoolean("drain"),
                row.getBoolean("drain_restart"),
                row.getBoolean("drain_hand_over")));
  }

  /**
   * A lease that this worker still has.
   *
   * @param extended false while somebody else holds the attempt's row
   */
  public record LeaseReply(
      UUID runId, boolean extended, boolean cancelRequested, boolean issueDeleted) {}

  // A fence never goes back: a row with a lower one is another issue under the id of a deleted one.
  private static final String EXTEND =
      """
      WITH given AS (
        SELECT ?::float8 AS lease_s, ?::uuid[] AS run_ids, ?::uuid AS instance
      ), free AS MATERIALIZED (
        SELECT a.id FROM cape_issue_attempts a, given
         WHERE a.run_id = ANY (given.run_ids) AND a.instance = given.instance AND a.outcome = 'running'
           FOR UPDATE OF a SKIP LOCKED
      ), extended AS (
        UPDATE cape_issue_attempts a SET lease_expires_at = now() + make_interval(secs => given.lease_s)
          FROM free, given WHERE a.id = free.id
        RETURNING a.id
      )
      SELECT a.run_id, e.id IS NOT NULL AS extended, i.cancel_requested_at IS NOT NULL AS cancelled, i.id IS NULL AS deleted
        FROM given, cape_issue_attempts a
        LEFT JOIN extended e ON e.id = a.id
        LEFT JOIN cape_issues i ON i.id = a.issue_id AND i.fence >= a.fence
       WHERE a.run_id = ANY (given.run_ids) AND a.instance = given.instance AND a.outcome = 'running'
      """;

  /**
   * Extends the leases of the instance's runs; returns those that still have one. One that is
   * locked stops no other.
   */
  public List<LeaseReply> extendLeases(UUID instance, List<UUID> runIds, Duration lease) {
    return database.query(
        EXTEND,
        bind -> bind.seconds(lease).uuids(runIds).uuid(instance),
        row ->
            new LeaseReply(
                row.getObject("run_id", UUID.class),
                row.getBoolean("extended"),
                row.getBoolean("cancelled"),
                row.getBoolean("deleted")));
  }

  /** A worker that was asked to drain; alive while its last heartbeat is younger than its lease. */
  public record DrainRequest(WorkerIdentity worker, boolean alive, Duration silent) {}

  private static final String ASKED =
      """
      worker_id, instance, host, pid, extract(epoch FROM now() - heartbeat_at)::bigint AS silent_s,
      heartbeat_at > now() - make_interval(secs => lease_seconds::float8) AS alive
      """;

  private static final String REQUEST_DRAIN =
      """
      UPDATE cape_workers SET drain_requested_for = instance, drain_restart = ?, drain_hand_over = ?
       WHERE worker_id::text = ?::text AND state <> 'stopped'
      RETURNING
      """
          + ASKED;
  // For the schema of an earlier version, whose workers do not hand over.
  private static final String REQUEST_RESTART =
      REQUEST_DRAIN.replace("drain_restart = ?, drain_hand_over = ?", "drain_restart = ?");
  private static final String UNDEFINED_COLUMN = "42703";

  /** What a worker is asked to do: end after its runs, or at once. */
  public enum Leave {
    DRAIN,
    /** Its service manager is to start it again. */
    DRAIN_AND_RESTART,
    /** Its next process adopts its runs. */
    HAND_OVER
  }

  /** Empty when no worker of that id is at work. */
  public Optional<DrainRequest> requestDrain(WorkerId worker, Leave how) {
    boolean restart = how != Leave.DRAIN;
    try {
      return database.queryOne(
          REQUEST_DRAIN,
          bind -> bind.flag(restart).flag(how == Leave.HAND_OVER).text(worker.value()),
          WorkerRepository::toDrainRequest);
    } catch (StoreException e) {
      if (!e.sqlState().equals(UNDEFINED_COLUMN)) {
        throw e;
      }
      return database.queryOne(
          REQUEST_RESTART,
          bind -> bind.flag(restart).text(worker.value()),
          WorkerRepository::toDrainRequest);
    }
  }

  private static final String STILL_HERE =
      "SELECT "
          + ASKED
          + "FROM cape_workers WHERE worker_id::text = ?::text AND instance = ? AND state <> 'stopped'";

  /** The request as it stands; empty when that worker has stopped, or another took its place. */
  public Optional<DrainRequest> stillHere(WorkerIdentity worker) {
    return database.queryOne(
        STILL_HERE,
        bind -> bind.text(worker.id().value()).uuid(worker.instance()),
        WorkerRepository::toDrainRequest);
  }

  private static DrainRequest toDrainRequest(ResultSet row) throws SQLException {
    return new DrainRequest(
        toIdentity(row), row.getBoolean("alive"), Duration.ofSeconds(row.getLong("silent_s")));
  }

  private static WorkerIdentity toIdentity(ResultSet row) throws SQLException {
    return new WorkerIdentity(
        new WorkerId(row.getString("worker_id")),
        row.getObject("instance", UUID.class),
        row.getString("host"),
        row.getLong("pid"));
  }
}
