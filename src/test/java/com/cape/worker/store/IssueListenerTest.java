package com.cape.worker.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.testing.TestDatabase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("database")
@Tag("notifications")
@Timeout(30)
class IssueListenerTest {
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final Duration SHORT = Duration.ofMillis(200);

  private final TestDatabase database = TestDatabase.create();
  private final IssueListener listener = listener();
  private final List<String> told = new ArrayList<>();

  @AfterEach
  void close() {
    listener.close();
  }

  @Test
  void eachPayloadIsToldAndWhatNobodyKnowsIsPassedOver() {
    listener.connect();
    prove();
    for (String payload :
        List.of("due", "due x y", "cancel", "", "later 1", "due 3 42", "cancel 7", "pause")) {
      database.execute("NOTIFY cape_issues, '" + payload + "'");
    }
    database.execute("NOTIFY cape_issues, 'worker alleycat-1'");
    while (told.size() < 4) {
      assertFalse(listener.await(LONG, new Recorder()));
    }
    assertEquals(List.of("due 3 42", "cancel 7", "pause", "worker alleycat-1"), told);
  }

  @Test
  void nothingButItsProbesIsListenedForUntilOneCameBack() {
    listener.connect();
    database.execute("NOTIFY cape_issues, 'due 1 1'");
    assertFalse(listener.await(SHORT, new Recorder()));
    prove();
    database.execute("NOTIFY cape_issues, 'due 1 2'");
    assertFalse(listener.await(LONG, new Recorder()));
    assertEquals(List.of("due 1 2"), told);
    listener.connect();
    database.execute("NOTIFY cape_issues, 'due 1 3'");
    assertFalse(listener.await(SHORT, new Recorder()));
    assertEquals(List.of("due 1 2"), told);
  }

  @Test
  void probeComesBackToItsOwnWorkerAlone() {
    try (IssueListener other = listener()) {
      listener.connect();
      other.connect();
      listener.probe();
      assertTrue(listener.await(LONG, new Recorder()));
      assertFalse(other.await(SHORT, new Recorder()));
      assertEquals(List.of(), told);
    }
  }

  @Test
  void probeOfTheConnectionBeforeIsNone() {
    listener.connect();
    listener.probe();
    listener.connect();
    assertFalse(listener.await(SHORT, new Recorder()));
  }

  @Test
  void closingEndsAWaitAtOnceAndForGood() throws Exception {
    listener.connect();
    var waiting = new CountDownLatch(1);
    var wait =
        CompletableFuture.supplyAsync(
            () -> {
              waiting.countDown();
              return assertThrows(StoreException.class, () -> listener.await(LONG, new Recorder()));
            });
    waiting.await();
    long beganNanos = System.nanoTime();
    listener.close();
    wait.get();
    assertTrue(Duration.ofNanos(System.nanoTime() - beganNanos).toSeconds() < 5);
    assertThrows(StoreException.class, listener::connect);
  }

  @Test
  void connectionThatTheServerEndedIsAFailure() {
    listener.connect();
    database.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            + " WHERE application_name = 'listener' AND datname = current_database()");
    var failure = assertThrows(StoreException.class, () -> listener.await(LONG, new Recorder()));
    assertEquals(StoreException.Kind.UNAVAILABLE, failure.kind());
    listener.connect();
    listener.probe();
    assertTrue(listener.await(LONG, new Recorder()));
  }

  private void prove() {
    listener.probe();
    assertTrue(listener.await(LONG, new Recorder()));
  }

  private IssueListener listener() {
    return new IssueListener(
        DatabaseUrl.parse(database.url()),
        "listener",
        new Database(database.dataSource()),
        UUID.randomUUID());
  }

  private final class Recorder implements IssueListener.Handler {
    @Override
    public void due(int count, long firstIssueId) {
      told.add("due " + count + " " + firstIssueId);
    }

    @Override
    public void cancelRequested(long issueId) {
      told.add("cancel " + issueId);
    }

    @Override
    public void pausesChanged() {
      told.add("pause");
    }

    @Override
    public void workerAsked(String workerId) {
      told.add("worker " + workerId);
    }
  }
}
