package com.cape.worker.worker.state;

import com.cape.worker.store.IssueListener;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.queue.AdoptionRepository;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerRepository;
import java.util.Optional;

/**
 * What a worker asks of the database.
 *
 * @param issues for claims, settles and rescues
 * @param adoptions for what earlier processes of the worker have left
 * @param pauses for what a series of failures asks for
 * @param workers over a connection of its own, so that a heartbeat never waits for another
 *     statement
 * @param listener on a connection of its own; empty for a worker that only polls
 */
public record Stores(
    IssueRepository issues,
    AdoptionRepository adoptions,
    PauseRepository pauses,
    WorkerRepository workers,
    Optional<IssueListener> listener) {}
