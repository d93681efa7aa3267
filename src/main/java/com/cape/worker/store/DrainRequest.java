package com.cape.worker.store;

import java.time.Duration;

/**
 * A worker that was asked to drain.
 *
 * @param silent for how long it has told nothing
 */
public record DrainRequest(WorkerIdentity worker, Duration silent) {}
