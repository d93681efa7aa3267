package com.cape.worker.store.queue;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Why there is nothing to claim, and until when.
 *
 * @param pausedFor what is left of a pause of the fleet or of this worker; a pause without an end
 *     counts as a long one
 * @param pauseReason empty without a pause
 * @param dues the pending issues that fall due next, the first of them first
 */
public record NoClaimReason(Optional<Duration> pausedFor, String pauseReason, List<Due> dues) {
  /** Nothing is known. */
  static final NoClaimReason UNKNOWN = new NoClaimReason(Optional.empty(), "", List.of());

  /** Copies the list. */
  public NoClaimReason {
    dues = List.copyOf(dues);
  }

  /** An issue that falls due after so long. */
  public record Due(long issueId, Duration in) {}

  /** Until the next pending issue falls due. */
  public Optional<Duration> nextDue() {
    return dues.stream().findFirst().map(Due::in);
  }
}
