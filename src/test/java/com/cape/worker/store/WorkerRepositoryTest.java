package com.cape.worker.store;

import static com.cape.worker.store.RepositoryFixture.ALICE;
import static com.cape.worker.store.RepositoryFixture.LEASE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.TestDatabase;
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

  private final TestDatabase database = TestDatabase.create();
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
    assertTrue(workers.heartbeat(ALICE, WorkerState.WORKING));
    assertFalse(workers.heartbeat(OTHER, WorkerState.WORKING));
    assertEquals("working", database.value("SELECT state FROM cape_workers"));
  }

  @Test
  void silentWorkerLosesItsId() {
    assertEquals(Optional.empty(), register(ALICE));
    database.execute("UPDATE cape_workers SET heartbeat_at = now() - interval '6 min'");
    assertEquals(Optional.empty(), register(OTHER));
    assertFalse(workers.heartbeat(ALICE, WorkerState.IDLE));
  }

  @Test
  void stoppedWorkerLeavesItsIdAtOnce() {
    assertEquals(Optional.empty(), register(ALICE));
    assertTrue(workers.heartbeat(ALICE, WorkerState.STOPPED));
    assertEquals(Optional.empty(), register(OTHER));
    assertEquals("idle", database.value("SELECT state FROM cape_workers"));
  }

  @Test
  void ownPredecessorIsReplacedAtOnceAndNobodyElse() {
    assertEquals(Optional.empty(), register(ALICE));
    WorkerIdentity stranger = RepositoryFixture.worker("alice");
    assertTrue(workers.register(OTHER, LEASE, Optional.of(stranger.instance())).isPresent());
    assertEquals(Optional.empty(), workers.register(OTHER, LEASE, Optional.of(ALICE.instance())));
    assertEquals(Optional.empty(), register(OTHER));
  }

  @Test
  void rowThatSomebodyDeletedIsWrittenAgain() {
    register(ALICE);
    database.execute("DELETE FROM cape_workers");
    assertTrue(workers.heartbeat(ALICE, WorkerState.WORKING));
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

  private Optional<Registration> register(WorkerIdentity worker) {
    return workers.register(worker, LEASE, Optional.empty());
  }
}
