package com.cape.worker.worker;

import com.cape.worker.worker.state.Listeners;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/**
 * How a worker claims and stops.
 *
 * @param pollInterval between polls when nothing is due, before the jitter
 * @param concurrency slots: runs at the same time
 * @param drainTimeout how long a stop waits for running workflows
 * @param exitWhenIdle end when no issue may be claimed now and no slot is busy
 * @param predecessors the instances that have had the state directory before and may hold attempts
 * @param predecessorsHere those of them that ran on this boot and in this pid namespace
 * @param listeners of what happens
 */
public record LoopPlan(
    Duration pollInterval,
    int concurrency,
    Duration lease,
    Duration drainTimeout,
    boolean exitWhenIdle,
    List<UUID> predecessors,
    List<UUID> predecessorsHere,
    Listeners listeners) {}
