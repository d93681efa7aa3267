package com.cape.worker.store.queue;

import java.time.Instant;

/** A worker that holds its id. */
public record Registration(WorkerIdentity worker, Instant startedAt) {}
