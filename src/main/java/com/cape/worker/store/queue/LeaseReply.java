package com.cape.worker.store.queue;

import java.util.UUID;

/** A lease that a heartbeat has extended. */
public record LeaseReply(UUID runId, boolean cancelRequested, boolean issueDeleted) {}
