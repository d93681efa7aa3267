package com.cape.worker.store.queue;

import java.util.UUID;

/**
 * A lease that a heartbeat has extended.
 *
 * @param cancelRequested somebody asked for the issue to be cancelled
 * @param issueDeleted the issue is gone from the table
 */
public record LeaseReply(UUID runId, boolean cancelRequested, boolean issueDeleted) {}
