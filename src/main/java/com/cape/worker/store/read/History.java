package com.cape.worker.store.read;

import com.cape.worker.issue.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * How attempts ended of late.
 *
 * @param now the database's clock
 * @param endings of the last day
 * @param pickUp empty when nothing was claimed for the first time within the last hour
 */
public record History(Instant now, List<Endings> endings, Optional<PickUp> pickUp) {
  /**
   * How many attempts ended so within a minute.
   *
   * @param at the minute's beginning
   */
  public record Endings(Instant at, Outcome outcome, long number) {}

  /** From when an issue was due to its first claim: of half of them, and of 95 %, at most. */
  public record PickUp(Duration half, Duration most) {}
}
