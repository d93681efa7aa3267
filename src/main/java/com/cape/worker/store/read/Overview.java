package com.cape.worker.store.read;

import com.cape.worker.store.queue.Pause;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * @param now the database's clock
 * @param oldestDue since when the issue that has been due longest is due
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
   * @param retrying pending ones that wait for another attempt
   * @param unowned started ones without a running attempt
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

  /** Alive while its last heartbeat is younger than its lease. */
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

  public record Run(long issueId, int attempt, Instant startedAt, Instant leaseExpiresAt) {}
}
