package com.cape.worker.store.queue;

import com.cape.worker.issue.Claim;

/**
 * A running attempt whose lease has expired.
 *
 * @param claim without the description
 */
public record ExpiredLease(Claim claim, String worker, String host) {}
