package com.cape.worker.store.queue;

import java.time.Duration;

/**
 * A worker that was asked to drain.
 *
 * @param alive whether it has told something within its lease
 * @param silent for how long it has told nothing
 */
public record DrainRequest(WorkerIdentity worker, boolean alive, Duration silent) {}
