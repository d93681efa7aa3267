package com.cape.worker.store.queue;

/**
 * What a worker tells of itself with each heartbeat.
 *
 * @param listenerUp whether notifications are known to arrive
 * @param freeSlots runs that it could begin now
 */
public record WorkerStatus(WorkerState state, boolean listenerUp, int freeSlots) {
  /** The last that is told. */
  public static final WorkerStatus STOPPED = new WorkerStatus(WorkerState.STOPPED, false, 0);
}
