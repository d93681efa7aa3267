package com.cape.worker.store.queue;

import com.cape.worker.issue.WorkerId;
import java.util.UUID;

/** A process of a worker; each has a new instance. */
public record WorkerIdentity(WorkerId id, UUID instance, String host, long pid) {}
