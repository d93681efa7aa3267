package com.cape.worker.store.queue;

import java.util.UUID;

/**
 * A lease that this worker still has.
 *
 * @param extended false while somebody else holds the attempt's row
 */
public record LeaseReply(
    UUID runId, boolean extended, boolean cancelRequested, boolean issueDeleted) {}
