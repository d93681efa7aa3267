package com.cape.worker.worker;

import com.cape.worker.issue.Outcome;
import com.cape.worker.worker.state.WorkerListener;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.awaitility.Awaitility;

/** Keeps what it hears, an event in a line of words. */
public final class RecordingListener implements WorkerListener {
  public final List<String> events = new CopyOnWriteArrayList<>();
  public final List<Duration> durations = new CopyOnWriteArrayList<>();

  /** Whether it throws instead. */
  volatile boolean fails;

  private void heard(String event) {
    if (fails) {
      throw new IllegalStateException("a listener that fails");
    }
    events.add(event);
  }

  /** Waits until it has heard of it. */
  void await(String event, Duration timeout) {
    Awaitility.await(event).atMost(timeout).until(() -> events.contains(event));
  }

  @Override
  public void claimed(Duration waited) {
    heard("claimed");
    durations.add(waited);
  }

  @Override
  public void settled(Outcome outcome, Duration ran) {
    heard("settled " + outcome.word());
    durations.add(ran);
  }

  @Override
  public void leaseExtended(Duration left) {
    heard("lease extended");
    durations.add(left);
  }

  @Override
  public void fenced(Write write) {
    heard("fenced " + write);
  }

  @Override
  public void rescued() {
    heard("rescued");
  }

  @Override
  public void outlived(int ended, int left) {
    heard("outlived %d %d".formatted(ended, left));
  }

  @Override
  public void databaseUnavailable() {
    heard("database away");
  }

  @Override
  public void databaseBack() {
    heard("database back");
  }

  @Override
  public void listening(boolean up) {
    heard("listening " + up);
  }

  @Override
  public void paused(PauseReason reason) {
    heard("paused " + reason);
  }

  @Override
  public void resumed(PauseReason reason) {
    heard("resumed " + reason);
  }

  @Override
  public void slotsBusy(int busy) {
    heard("busy " + busy);
  }
}
