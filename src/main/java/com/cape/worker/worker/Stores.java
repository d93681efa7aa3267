package com.cape.worker.worker;

import com.cape.worker.store.IssueListener;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerRepository;
import java.util.Optional;

/**
 * What a worker asks of the database.
 *
 * @param issues for claims, settles and rescues
 * @param leases over a connection of its own, so that a heartbeat never waits for another statement
 * @param workers over the heartbeat's connection
 * @param listener on a connection of its own; empty for a worker that only polls
 */
public record Stores(
    IssueRepository issues,
    IssueRepository leases,
    WorkerRepository workers,
    Optional<IssueListener> listener) {}
