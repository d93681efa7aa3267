package com.cape.worker.store.queue;

import com.cape.worker.issue.Claim;
import java.time.Duration;
import java.util.Optional;

/**
 * What a worker found when it looked for an issue.
 *
 * @param idle why there is no claim; unknown when there is one
 * @param waited how long the claimed issue had been due; zero when there is no claim, or nobody
 *     wants to know
 */
public record ClaimResult(Optional<Claim> claim, NoClaimReason idle, Duration waited) {}
