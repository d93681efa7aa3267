package com.cape.worker.worker.lease;

import static com.cape.worker.worker.WorkerFixture.ALICE;
import static com.cape.worker.worker.WorkerFixture.LEASE;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.host.ServiceManager;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.Ending;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.WorkerState;
import com.cape.worker.store.queue.WorkerStatus;
import com.cape.worker.worker.RecordingListener;
import com.cape.worker.worker.WorkerFixture;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.Attempts;
import com.cape.worker.worker.state.BeatClock;
import com.cape.worker.worker.state.DatabaseAvailability;
import com.cape.worker.worker.state.LeaseTimes;
import com.cape.worker.worker.state.LifeSigns;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.wakeup.WakeUp;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("database")
class HeartbeatTest {
  private static final LeaseTimes TIMES = new LeaseTimes(LEASE, Duration.ofSeconds(10));

  @TempDir private Path directory;
  private final RecordingListener listener = new RecordingListener();
  private final Attempts attempts = new Attempts(new Listeners());
  private final DatabaseAvailability availability = new DatabaseAvailability(new Listeners());
  private final RecordedRun run = new RecordedRun();
  private WorkerFixture fixture;
  private Heartbeat heartbeat;
  private Attempt attempt;

  @BeforeEach
  void claimAnIssue() {
    fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    attempt = fixture.claimNext(fixture.script("exit 0"));
    attempt.running(run);
    attempts.add(attempt);
    heartbeat = heartbeat(TIMES);
  }

  private Heartbeat heartbeat(LeaseTimes times) {
    return new Heartbeat(
        ALICE,
        fixture.stores,
        attempts,
        new Heartbeat.Reporting(() -> new WorkerStatus(WorkerState.WORKING, false, 0), reply -> {}),
        times,
        new Heartbeat.Signals(
            new WakeUp(),
            availability,
            new BeatClock(times),
            LifeSigns.of(ServiceManager.NONE, LEASE)),
        new Listeners(listener));
  }

  @Test
  void leaseAndRegistrationAreRenewed() {
    fixture.database.execute(
        "UPDATE cape_issue_attempts SET lease_expires_at = now(); UPDATE cape_workers SET heartbeat_at = now() - interval '1 h'");
    heartbeat.beat();
    assertEquals(
        "t t working",
        fixture.database.value(
            "SELECT concat_ws(' ', lease_expires_at > now() + interval '299 s', heartbeat_at > now() - interval '1 min', state) FROM cape_issue_attempts, cape_workers"));
    assertEquals(List.of(), run.stops);
    // Lease, less grace, less a second, from before the heartbeat was sent.
    Duration left = run.deadlines.get(0).minus(LeaseClock.now());
    assertTrue(left.compareTo(Duration.ofSeconds(289)) <= 0, left.toString());
    assertTrue(left.compareTo(Duration.ofSeconds(280)) > 0, left.toString());
    assertEquals(List.of("lease extended"), listener.events);
    Duration margin = listener.durations.get(0);
    assertTrue(margin.compareTo(LEASE) <= 0, margin.toString());
    assertTrue(margin.compareTo(LEASE.minusSeconds(20)) > 0, margin.toString());
  }

  @Test
  void leaseIsExtendedAlthoughTheRegistrationFails() {
    fixture.database.execute(
        "UPDATE cape_issue_attempts SET lease_expires_at = now(); ALTER TABLE cape_workers RENAME TO away");
    assertThrows(StoreException.class, heartbeat::beat);
    assertTrue(
        fixture
            .database
            .value("SELECT lease_expires_at > now() + interval '299 s' FROM cape_issue_attempts")
            .equals("t"));
    assertEquals(1, run.deadlines.size());
  }

  @Test
  void runThatIsNoLongerThisWorkersIsStopped() {
    fixture.database.execute("UPDATE cape_issue_attempts SET outcome = 'lost'");
    heartbeat.beat();
    assertEquals(List.of(StopReason.LEASE_LOST), run.stops);
    assertEquals(List.of("fenced HEARTBEAT"), listener.events);
  }

  @Test
  void runOfACancelledIssueIsStopped() {
    fixture.database.execute("UPDATE cape_issues SET cancel_requested_at = now()");
    heartbeat.beat();
    assertEquals(List.of(StopReason.CANCELLED), run.stops);
  }

  @Test
  void runOfADeletedIssueIsStopped() {
    fixture.database.execute("DELETE FROM cape_issues");
    heartbeat.beat();
    assertEquals(List.of(StopReason.CANCELLED), run.stops);
  }

  @Test
  void runIsStoppedWhenItWasNotRenewedUntilLeaseLessGraceLessTwoSeconds() {
    try (var watch = new LeaseWatch(attempts, TIMES)) {
      watch.stopIfOverdue(attempt);
      assertEquals(List.of(), run.stops);
      Duration age = LEASE.minusSeconds(10 + 2);
      attempt.renew(LeaseClock.now().minus(age).minusSeconds(1), LeaseClock.now());
      watch.stopIfOverdue(attempt);
    }
    assertEquals(List.of(StopReason.LEASE_LOST), run.stops);
  }

  @Test
  void runThatBeginsAfterAnInterruptIsStoppedAtOnce() {
    attempts.interrupt();
    var late = new RecordedRun();
    var next = new Attempt(attempt.claim(), LeaseClock.now());
    attempts.add(next);
    next.running(late);
    assertEquals(List.of(StopReason.INTERRUPTED), run.stops);
    assertEquals(List.of(StopReason.INTERRUPTED), late.stops);
  }

  @Test
  void heartbeatGoesOnWhenTheDatabaseHasRefusedIt() {
    fixture.database.execute("ALTER TABLE cape_workers RENAME TO away");
    try (var beating = heartbeat(new LeaseTimes(Duration.ofSeconds(10), Duration.ofSeconds(1)))) {
      beating.start();
      fixture.database.execute(
          "UPDATE cape_issue_attempts SET lease_expires_at = now() - interval '1 h'");
      await()
          .until(
              () ->
                  fixture.database.value(
                      "SELECT lease_expires_at > now() FROM cape_issue_attempts"),
              "t"::equals);
      assertTrue(availability.available());
      fixture.database.execute("ALTER TABLE away RENAME TO cape_workers");
      await()
          .until(() -> fixture.database.value("SELECT state FROM cape_workers"), "working"::equals);
    }
    assertTrue(run.stops.isEmpty());
  }

  @Test
  void watchOfTheLeasesSurvivesAnException() {
    run.failures = 1;
    attempt.renew(LeaseClock.now().minus(LEASE), LeaseClock.now());
    try (var watch = new LeaseWatch(attempts, TIMES)) {
      watch.start();
      await().until(() -> run.stops.size() > 1);
    }
  }

  private static final class RecordedRun implements CommandRunner.Run {
    private final List<Duration> deadlines = new ArrayList<>();
    private final List<StopReason> stops = new CopyOnWriteArrayList<>();
    private volatile int failures;

    @Override
    public Ending await() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void extend(Duration deadline) {
      deadlines.add(deadline);
    }

    @Override
    public boolean stop(StopReason reason) {
      stops.add(reason);
      if (stops.size() <= failures) {
        throw new IllegalStateException("this run cannot be stopped yet");
      }
      return true;
    }
  }
}
