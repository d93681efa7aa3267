package com.cape.worker.store.queue;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.Claim;
import com.cape.worker.store.Database;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/**
 * The statements by which a process of a worker takes over what an earlier one held. Safe for use
 * by several threads.
 */
public final class AdoptionRepository {
  private final Database database;

  public AdoptionRepository(Database database) {
    this.database = requireNonNull(database);
  }

  /** Whose an attempt is. */
  public enum Owner {
    THIS,
    /** It is running, under an instance that is no predecessor. */
    OTHER,
    /** It was settled or rescued, or its row deleted. */
    NOBODY,
    /** It changed while it was asked for. */
    UNKNOWN
  }

  // A repetition, after a lost answer, counts no second adoption.
  private static final String TAKE_OVER =
      """
      WITH given AS (
        SELECT ?::uuid AS run_id, ?::uuid AS instance, ?::uuid[] AS predecessors, ?::boolean AS adopts
      ), taken AS (
        UPDATE cape_issue_attempts a
           SET instance = given.instance, host = ?, pid = ?, lease_expires_at = now() + make_interval(secs => ?::float8),
               adopted_at = CASE WHEN adopts AND a.instance <> given.instance THEN now() ELSE a.adopted_at END,
               adoptions = a.adoptions + (adopts AND a.instance <> given.instance)::integer
          FROM given
         WHERE a.run_id = given.run_id AND a.outcome = 'running' AND a.worker_id::text = ?::text
           AND set_config('lock_timeout', '500ms', true) IS NOT NULL
           AND (a.instance = given.instance OR a.instance = ANY (given.predecessors))
        RETURNING a.run_id
      )
      SELECT CASE WHEN EXISTS (SELECT FROM taken) THEN 'THIS'
                  WHEN EXISTS (SELECT FROM cape_issue_attempts a, given
                                WHERE a.run_id = given.run_id AND a.outcome = 'running'
                                  AND a.worker_id::text = ?::text AND (a.instance = given.instance
                                       OR a.instance = ANY (given.predecessors))) THEN 'UNKNOWN'
                  WHEN EXISTS (SELECT FROM cape_issue_attempts a, given
                                WHERE a.run_id = given.run_id AND a.outcome = 'running') THEN 'OTHER'
                  ELSE 'NOBODY' END AS owner
      """;

  /**
   * Moves a running attempt of a predecessor to this instance, with a new lease.
   *
   * @param adopts whether its run lives and goes on
   */
  public Owner takeOver(
      UUID runId, WorkerIdentity worker, List<UUID> predecessors, boolean adopts, Duration lease) {
    Owner owner;
    do {
      owner = takeOverOnce(runId, worker, predecessors, adopts, lease);
    } while (owner == Owner.UNKNOWN);
    return owner;
  }

  private Owner takeOverOnce(
      UUID runId, WorkerIdentity worker, List<UUID> predecessors, boolean adopts, Duration lease) {
    return database
        .queryOne(
            TAKE_OVER,
            bind ->
                bind.uuid(runId)
                    .uuid(worker.instance())
                    .uuids(predecessors)
                    .flag(adopts)
                    .text(worker.host())
                    .number(worker.pid())
                    .seconds(lease)
                    .text(worker.id().value())
                    .text(worker.id().value()),
            row -> Owner.valueOf(row.getString("owner")))
        .orElseThrow();
  }

  private static final String HELD =
      """
      SELECT issue_id AS id, attempt AS attempts, fence, run_id, instance, '' AS description, NULL AS last_error
        FROM cape_issue_attempts
       WHERE outcome = 'running' AND worker_id::text = ?::text AND instance = ANY (?)
      """;

  /** What these instances have claimed and not settled; without the descriptions. */
  public List<Claim> heldBy(WorkerIdentity worker, List<UUID> instances) {
    return database.query(
        HELD, bind -> bind.text(worker.id().value()).uuids(instances), Tried::toClaim);
  }
}
