package com.cape.worker.store.queue;

/**
 * @param listenerUp whether notifications are known to arrive
 * @param freeSlots runs that it could begin now
 */
public record WorkerStatus(WorkerState state, boolean listenerUp, int freeSlots) {
  public static final WorkerStatus STOPPED = new WorkerStatus(WorkerState.STOPPED, false, 0);
}
