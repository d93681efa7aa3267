package com.cape.worker.store.read;

import java.time.Duration;

/**
 * How the queue stands, in numbers.
 *
 * @param due pending issues that may be claimed now
 * @param oldestDue how long the one that has been due longest has been so; zero when none is
 * @param fleetPaused whether no worker may claim
 * @param workerPaused whether the worker that asks may not
 */
public record Queue(
    long pending,
    long due,
    long started,
    long failed,
    long cancelled,
    Duration oldestDue,
    boolean fleetPaused,
    boolean workerPaused) {}
