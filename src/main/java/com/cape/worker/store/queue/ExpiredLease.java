package com.cape.worker.store.queue;

import com.cape.worker.issue.Claim;

/** The lease of a running attempt; the claim has no description. */
public record ExpiredLease(Claim claim, String worker, String host) {}
