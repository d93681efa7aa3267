package com.cape.worker.store.queue;

import com.cape.worker.issue.Claim;

/**
 * A running attempt whose lease has run out.
 *
 * @param claim without the description
 * @param worker that held it
 */
public record ExpiredLease(Claim claim, String worker, String host) {}
