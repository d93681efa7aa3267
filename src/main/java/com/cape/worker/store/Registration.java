package com.cape.worker.store;

import java.time.Instant;

/** A worker that holds its id. */
public record Registration(WorkerIdentity worker, Instant startedAt) {}
