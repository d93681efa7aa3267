package com.cape.worker.store.read;

import com.cape.worker.issue.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * @param now the database's clock
 * @param pickUp empty when nothing was claimed for the first time within the last hour
 */
public record History(Instant now, List<Endings> endings, Optional<PickUp> pickUp) {
  /** The number of attempts that ended so in the minute from then on. */
  public record Endings(Instant at, Outcome outcome, long number) {}

  /** The p50 and p95 of the time from when an issue was due to its first claim. */
  public record PickUp(Duration half, Duration most) {}
}
