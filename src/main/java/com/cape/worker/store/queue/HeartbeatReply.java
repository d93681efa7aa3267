package com.cape.worker.store.queue;

/**
 * What a heartbeat brings back.
 *
 * @param rank of this worker among those that listen and have a free slot, from 0
 * @param ready how many these are, this one among them
 * @param drainRequested whether this instance is asked to drain
 * @param restart whether it is to be started again then
 */
public record HeartbeatReply(int rank, int ready, boolean drainRequested, boolean restart) {}
