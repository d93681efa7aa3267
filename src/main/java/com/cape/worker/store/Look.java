package com.cape.worker.store;

import com.cape.worker.issue.Claim;
import java.util.Optional;

/**
 * What a worker found when it looked for an issue.
 *
 * @param idle why there is no claim; unknown when there is one
 */
public record Look(Optional<Claim> claim, Idle idle) {}
