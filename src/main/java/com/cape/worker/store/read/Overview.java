package com.cape.worker.store.read;

import com.cape.worker.store.queue.Pause;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How the fleet and its queue stand.
 *
 * @param now the database's clock, which all other times are to be compared with
 * @param oldestDue since when the issue that has been due longest is due
 * @param lastClaim when any worker last claimed an issue
 * @param refusals the newest 100
 * @param counting how long the database took to count
 */
public record Overview(
    Instant now,
    Counts counts,
    Optional<Instant> oldestDue,
    Optional<Instant> lastClaim,
    List<Worker> workers,
    List<Pause> pauses,
    List<RefusedWrite> refusals,
    Duration counting) {

  /**
   * So many issues.
   *
   * @param due pending ones that may be claimed now
   * @param retrying pending ones that were tried before and wait for their next attempt
   * @param unowned started ones without a running attempt: somebody else started them
   */
  public record Counts(
      long pending,
      long due,
      long retrying,
      long started,
      long unowned,
      long failed,
      long cancelled,
      long completedLastHour,
      long completedLastDay) {}

  /**
   * A registered worker.
   *
   * @param alive whether it has been heard of within its lease
   */
  public record Worker(
      String id,
      String host,
      long pid,
      String version,
      String state,
      boolean alive,
      Instant startedAt,
      Instant heartbeatAt,
      Duration lease,
      int freeSlots,
      boolean listening,
      List<Run> runs) {}

  /** A running attempt. */
  public record Run(long issueId, int attempt, Instant startedAt, Instant leaseExpiresAt) {}
}
