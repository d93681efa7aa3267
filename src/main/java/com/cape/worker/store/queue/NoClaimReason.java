package com.cape.worker.store.queue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Why there is nothing to claim.
 *
 * @param pausedFor the rest of a pause of the fleet, of the account or of this worker, at most a
 *     day
 * @param dues the pending issues that fall due next, in order
 */
public record NoClaimReason(Optional<Duration> pausedFor, String pauseReason, List<Due> dues) {
  static final NoClaimReason UNKNOWN = new NoClaimReason(Optional.empty(), "", List.of());

  /** Whether a pause lets a run through, to find out whether its cause is over. */
  boolean pauseMayEnd() {
    return pausedFor.equals(Optional.of(Duration.ZERO));
  }

  /** An issue that falls due after so long. */
  public record Due(long issueId, Duration in) {}
}
