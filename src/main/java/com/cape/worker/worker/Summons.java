package com.cape.worker.worker;

import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.IssueListener;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What each notification makes this worker do. Called by the listener's thread; the loop and the
 * slots say what they have at work.
 */
final class Summons implements IssueListener.Handler {
  private final WorkerId worker;
  private final Fleet fleet;
  private final Slots slots;
  private final WakeUp loop;
  private final Heartbeat heartbeat;
  private final Set<Long> atWork = ConcurrentHashMap.newKeySet();
  private volatile boolean claiming;

  /**
   * For one worker.
   *
   * @param loop wakes it
   */
  Summons(WorkerId worker, Fleet fleet, Slots slots, WakeUp loop, Heartbeat heartbeat) {
    this.worker = worker;
    this.fleet = fleet;
    this.slots = slots;
    this.loop = loop;
    this.heartbeat = heartbeat;
  }

  /** Between the sending of a claim and {@link #begun}, the issue is not known yet. */
  void claiming(boolean underWay) {
    claiming = underWay;
  }

  void begun(long issueId) {
    atWork.add(issueId);
  }

  void ended(long issueId) {
    atWork.remove(issueId);
  }

  @Override
  public void due(int count, long firstIssueId) {
    if (slots.free()) {
      fleet.turn(count, firstIssueId).ifPresent(loop::signalAfter);
    }
  }

  @Override
  public void cancelRequested(long issueId) {
    if (claiming || atWork.contains(issueId)) {
      heartbeat.hurry();
    }
  }

  @Override
  public void pausesChanged() {
    if (slots.free()) {
      loop.signalAfter(fleet.spread());
    }
  }

  @Override
  public void workerAsked(String workerId) {
    if (workerId.equals(worker.value())) {
      heartbeat.hurry();
    }
  }

  /** Notifications arrive from now on, or do so no more: something may have been missed. */
  void listeningChanged() {
    heartbeat.hurry();
    loop.signalAfter(fleet.spread());
  }
}
