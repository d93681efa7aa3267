package com.cape.worker.store.queue;

import com.cape.worker.issue.WorkerId;
import java.util.UUID;

/**
 * Who claims.
 *
 * @param instance new at each start of a worker
 */
public record WorkerIdentity(WorkerId id, UUID instance, String host, long pid) {}
