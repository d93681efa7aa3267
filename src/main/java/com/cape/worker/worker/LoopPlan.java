package com.cape.worker.worker;

import com.cape.worker.worker.state.Listeners;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

/**
 * How a worker claims and stops.
 *
 * @param pollInterval between polls when nothing is due, before the jitter
 * @param concurrency slots: runs at the same time
 * @param drainTimeout how long a stop waits for running workflows
 * @param exitWhenIdle end when no issue may be claimed now and no slot is busy
 * @param predecessor the instance that had the state directory before, as far as it is known
 * @param listeners of what happens
 */
public record LoopPlan(
    Duration pollInterval,
    int concurrency,
    Duration lease,
    Duration drainTimeout,
    boolean exitWhenIdle,
    Optional<UUID> predecessor,
    Listeners listeners) {}
