package com.cape.worker.worker.wakeup;

import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.IssueListener;
import com.cape.worker.worker.state.Attempts;

/** What each notification makes this worker do. Called by the listener's thread. */
public final class NotificationHandler implements IssueListener.Handler {
  private final WorkerId worker;
  private final ClaimOrder order;
  private final Attempts attempts;
  private final int slots;
  private final WakeUp claims;
  private final WakeUp heartbeat;

  /**
   * @param claims wakes the slot that waits for an issue
   * @param heartbeat wakes the heartbeat
   */
  public NotificationHandler(
      WorkerId worker,
      ClaimOrder order,
      Attempts attempts,
      int slots,
      WakeUp claims,
      WakeUp heartbeat) {
    this.worker = worker;
    this.order = order;
    this.attempts = attempts;
    this.slots = slots;
    this.claims = claims;
    this.heartbeat = heartbeat;
  }

  @Override
  public void due(int count, long firstIssueId) {
    if (attempts.count() >= slots) {
      // Whichever slot becomes free looks for it.
      claims.signal();
    } else {
      order.turn(count, firstIssueId).ifPresent(claims::signalAfter);
    }
  }

  @Override
  public void cancelRequested(long issueId) {
    if (attempts.mayHold(issueId)) {
      heartbeat.signalTwice();
    }
  }

  @Override
  public void pausesChanged() {
    claims.signalAfter(order.spread());
  }

  @Override
  public void workerAsked(String workerId) {
    if (workerId.equals(worker.value())) {
      heartbeat.signalTwice();
    }
  }

  /** Notifications arrive from now on, or no longer do: one may have been missed. */
  void listeningChanged() {
    heartbeat.signalTwice();
    claims.signalAfter(order.spread());
  }
}
