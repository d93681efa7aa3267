package com.cape.worker.worker;

import static com.cape.worker.worker.WorkerFixture.ALICE;
import static com.cape.worker.worker.WorkerFixture.LEASE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.host.ServiceManager;
import com.cape.worker.issue.Claim;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.Ending;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.HeartbeatReply;
import com.cape.worker.store.queue.WorkerState;
import com.cape.worker.store.queue.WorkerStatus;
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
  @TempDir private Path directory;
  private final RecordingListener listener = new RecordingListener();
  private final LiveRuns runs = new LiveRuns(LEASE, new Listeners(listener));
  private final List<HeartbeatReply> rolls = new ArrayList<>();
  private final RecordedRun run = new RecordedRun();
  private WorkerFixture fixture;
  private Heartbeat heartbeat;
  private Claim claim;

  @BeforeEach
  void claimAnIssue() {
    fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    claim = fixture.stores.issues().claimNext(ALICE, "logs", LEASE).orElseThrow();
    heartbeat =
        new Heartbeat(
            ALICE,
            fixture.stores,
            runs,
            () -> new WorkerStatus(WorkerState.WORKING, false, 0),
            rolls::add,
            new Outage(Listeners.NOBODY),
            new LeaseTimes(LEASE, Duration.ofSeconds(10)),
            LifeSigns.of(ServiceManager.NONE, LEASE));
    runs.add(claim.runId(), run, LeaseClock.now());
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
    heartbeat.stopOverdue();
    assertEquals(List.of(), run.stops);
    Duration age = LEASE.minusSeconds(10 + 2);
    runs.renewed(claim.runId(), LeaseClock.now().minus(age).minusSeconds(1), LeaseClock.now());
    heartbeat.stopOverdue();
    assertEquals(List.of(StopReason.LEASE_LOST), run.stops);
  }

  @Test
  void runThatBeginsAfterAnInterruptIsStoppedAtOnce() {
    runs.interrupt();
    var late = new RecordedRun();
    runs.add(new java.util.UUID(1, 1), late, LeaseClock.now());
    assertEquals(List.of(StopReason.INTERRUPTED), run.stops);
    assertEquals(List.of(StopReason.INTERRUPTED), late.stops);
  }

  @Test
  void heartbeatNeverStopsWhileTheDatabaseIsAway() throws Exception {
    fixture.database.execute("ALTER TABLE cape_workers RENAME TO away");
    var outage = new Outage(Listeners.NOBODY);
    var beating =
        new Heartbeat(
            ALICE,
            fixture.stores,
            runs,
            () -> new WorkerStatus(WorkerState.WORKING, false, 0),
            rolls::add,
            outage,
            new LeaseTimes(Duration.ofSeconds(10), Duration.ofSeconds(1)),
            LifeSigns.of(ServiceManager.NONE, LEASE));
    try (beating) {
      beating.start();
      org.awaitility.Awaitility.await().until(outage::lasts);
      fixture.database.execute("ALTER TABLE away RENAME TO cape_workers");
      org.awaitility.Awaitility.await().until(() -> !outage.lasts());
    }
    assertTrue(run.stops.isEmpty());
  }

  @Test
  void watchOfTheLeasesSurvivesAnException() {
    fixture.database.execute("ALTER TABLE cape_issue_attempts RENAME TO away");
    run.failures = 1;
    runs.renewed(claim.runId(), LeaseClock.now().minus(LEASE), LeaseClock.now());
    try (Heartbeat watching = heartbeat) {
      watching.start();
      org.awaitility.Awaitility.await().until(() -> run.stops.size() > 1);
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
