package com.cape.worker.worker;

import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.IssueListener;

/** What each notification makes this worker do. Called by the listener's thread. */
final class NotificationHandler implements IssueListener.Handler {
  private final WorkerId worker;
  private final ClaimOrder fleet;
  private final Slots slots;
  private final WakeUp loop;
  private final Heartbeat heartbeat;
  private final AtWork atWork;

  /**
   * For one worker.
   *
   * @param loop wakes it
   */
  NotificationHandler(
      WorkerId worker,
      ClaimOrder fleet,
      Slots slots,
      WakeUp loop,
      Heartbeat heartbeat,
      AtWork atWork) {
    this.worker = worker;
    this.fleet = fleet;
    this.slots = slots;
    this.loop = loop;
    this.heartbeat = heartbeat;
    this.atWork = atWork;
  }

  @Override
  public void due(int count, long firstIssueId) {
    if (slots.free()) {
      fleet.turn(count, firstIssueId).ifPresent(loop::signalAfter);
    } else {
      atWork.callInVain();
    }
  }

  @Override
  public void cancelRequested(long issueId) {
    if (atWork.mayHold(issueId)) {
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
