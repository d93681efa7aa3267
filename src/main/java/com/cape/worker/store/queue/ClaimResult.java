package com.cape.worker.store.queue;

import com.cape.worker.issue.Claim;
import java.time.Duration;
import java.util.Optional;

/**
 * @param idle why there is no claim; unknown when there is one
 * @param waited how long the claimed issue had been due
 */
public record ClaimResult(Optional<Claim> claim, NoClaimReason idle, Duration waited) {
  ClaimResult withoutPause() {
    return new ClaimResult(claim, new NoClaimReason(Optional.empty(), "", idle.dues()), waited);
  }
}
