package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.BOB;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.store.Database;
import com.cape.worker.store.queue.WorkerRepository.DrainRequest;
import com.cape.worker.store.queue.WorkerRepository.HeartbeatReply;
import com.cape.worker.store.queue.WorkerRepository.Leave;
import com.cape.worker.store.queue.WorkerRepository.Registration;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.TestDatabase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("database")
@Timeout(30)
class WorkerRepositoryTest {
  private static final WorkerIdentity OTHER = RepositoryFixture.worker("alice");

  private final TestDatabase database = TestDatabase.createMigrated();
  private final WorkerRepository workers =
      new WorkerRepository(new Database(database.dataSource()), "1.0");

  @BeforeEach
  void migrate() {
    new Migrator(database.dataSource()).migrate();
  }

  @Test
  void aliveWorkerKeepsItsId() {
    assertEquals(Optional.empty(), register(ALICE));
    Registration holder = register(OTHER).orElseThrow();
    assertEquals(ALICE, holder.worker());
    assertTrue(beat(ALICE, WorkerState.WORKING).isPresent());
    assertTrue(beat(OTHER, WorkerState.WORKING).isEmpty());
    assertEquals("working", database.value("SELECT state FROM cape_workers"));
  }

  @Test
  void silentWorkerLosesItsId() {
    assertEquals(Optional.empty(), register(ALICE));
    database.execute("UPDATE cape_workers SET heartbeat_at = now() - interval '6 min'");
    assertEquals(Optional.empty(), register(OTHER));
    assertTrue(beat(ALICE, WorkerState.IDLE).isEmpty());
  }

  @Test
  void silentWorkerKeepsItsIdWithinItsOwnLease() {
    workers.register(ALICE, Duration.ofHours(1), List.of());
    database.execute("UPDATE cape_workers SET heartbeat_at = now() - interval '20 min'");
    assertEquals(ALICE, register(OTHER).orElseThrow().worker());
    database.execute("UPDATE cape_workers SET heartbeat_at = now() - interval '61 min'");
    assertEquals(Optional.empty(), register(OTHER));
  }

  @Test
  void stoppedWorkerLeavesItsIdAtOnce() {
    assertEquals(Optional.empty(), register(ALICE));
    assertTrue(beat(ALICE, WorkerState.STOPPED).isPresent());
    assertEquals(Optional.empty(), register(OTHER));
    assertEquals("idle", database.value("SELECT state FROM cape_workers"));
  }

  @Test
  void ownPredecessorIsReplacedAtOnceAndNobodyElse() {
    assertEquals(Optional.empty(), register(ALICE));
    WorkerIdentity stranger = RepositoryFixture.worker("alice");
    assertTrue(workers.register(OTHER, LEASE, List.of(stranger.instance())).isPresent());
    assertEquals(
        Optional.empty(),
        workers.register(OTHER, LEASE, List.of(stranger.instance(), ALICE.instance())));
    assertEquals(Optional.empty(), register(OTHER));
  }

  @Test
  void rankIsAmongThoseThatListenAndHaveAFreeSlot() {
    assertEquals(
        new HeartbeatReply(0, 1, false, false, false), beat(BOB, WorkerState.IDLE).orElseThrow());
    assertEquals(
        new HeartbeatReply(0, 2, false, false, false), beat(ALICE, WorkerState.IDLE).orElseThrow());
    assertEquals(
        new HeartbeatReply(1, 2, false, false, false), beat(BOB, WorkerState.IDLE).orElseThrow());
    for (String gone :
        List.of(
            "listener_up = false", "free_slots = 0", "heartbeat_at = now() - interval '6 min'")) {
      assertEquals(2, beat(ALICE, WorkerState.IDLE).orElseThrow().ready());
      database.execute("UPDATE cape_workers SET " + gone + " WHERE worker_id = 'bob'");
      assertEquals(1, beat(ALICE, WorkerState.IDLE).orElseThrow().ready());
      beat(BOB, WorkerState.IDLE);
    }
  }

  @Test
  void drainRequestIsForOneInstance() {
    register(ALICE);
    database.execute(
        "UPDATE cape_workers SET drain_requested_for = instance, drain_restart = true");
    HeartbeatReply roll = beat(ALICE, WorkerState.IDLE).orElseThrow();
    assertTrue(roll.drainRequested() && roll.restart());
    database.execute("UPDATE cape_workers SET heartbeat_at = '-infinity'");
    register(OTHER);
    assertFalse(beat(OTHER, WorkerState.IDLE).orElseThrow().drainRequested());
  }

  @Test
  void drainingWorkerIsAliveWithinItsOwnLease() {
    workers.register(ALICE, Duration.ofHours(1), List.of());
    database.execute("UPDATE cape_workers SET heartbeat_at = now() - interval '20 min'");
    DrainRequest request = workers.requestDrain(ALICE.id(), Leave.DRAIN).orElseThrow();
    assertTrue(request.alive());
    assertEquals(20, request.silent().toMinutes());
    assertEquals(Optional.of(request.worker()), stillHere());
    database.execute("DELETE FROM cape_workers");
    assertEquals(Optional.empty(), stillHere());
    beat(ALICE, WorkerState.IDLE);
    assertEquals(LEASE.toSeconds() + "", database.value("SELECT lease_seconds FROM cape_workers"));
    database.execute("UPDATE cape_workers SET heartbeat_at = now() - interval '20 min'");
    assertFalse(workers.stillHere(ALICE).orElseThrow().alive());
    beat(ALICE, WorkerState.STOPPED);
    assertEquals(Optional.empty(), workers.requestDrain(ALICE.id(), Leave.DRAIN));
  }

  private Optional<WorkerIdentity> stillHere() {
    return workers.stillHere(ALICE).map(DrainRequest::worker);
  }

  @Test
  void heartbeatsTouchNoIndex() throws Exception {
    register(ALICE);
    for (int i = 0; i < 100; i++) {
      beat(ALICE, i % 2 == 0 ? WorkerState.IDLE : WorkerState.WORKING);
    }
    await()
        .until(
            () ->
                database.value(
                    "SELECT n_tup_upd >= 100 AND n_tup_hot_upd = n_tup_upd FROM pg_stat_user_tables WHERE relname = 'cape_workers'"),
            "t"::equals);
  }

  @Test
  void rowThatSomebodyDeletedIsWrittenAgain() {
    register(ALICE);
    database.execute("DELETE FROM cape_workers");
    assertTrue(beat(ALICE, WorkerState.WORKING).isPresent());
    assertEquals("working", database.value("SELECT state FROM cape_workers"));
  }

  @Test
  void ofManyAtOnceOneRegisters() throws Exception {
    var threads = Executors.newFixedThreadPool(8);
    try {
      List<Callable<Optional<Registration>>> all = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        all.add(() -> register(RepositoryFixture.worker("alice")));
      }
      int registered = 0;
      for (Future<Optional<Registration>> done : threads.invokeAll(all)) {
        registered += done.get().isEmpty() ? 1 : 0;
      }
      assertEquals(1, registered);
    } finally {
      threads.shutdownNow();
    }
  }

  private Optional<HeartbeatReply> beat(WorkerIdentity worker, WorkerState state) {
    return workers.heartbeat(worker, new WorkerStatus(state, true, 1), LEASE);
  }

  private Optional<Registration> register(WorkerIdentity worker) {
    return workers.register(worker, LEASE, List.of());
  }
}
