package com.cape.worker.worker;

import static com.cape.worker.worker.WorkerFixture.ALICE;
import static com.cape.worker.worker.WorkerFixture.LEASE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.cape.worker.issue.Claim;
import com.cape.worker.store.queue.Settlement;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

/** What an operator reads of a settle is what it wrote. */
@Tag("database")
@Timeout(30)
class SettlerTest {
  private static final Logger LOG = (Logger) LoggerFactory.getLogger(Settler.class);

  @TempDir private Path directory;
  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();

  @BeforeEach
  void listen() {
    logged.start();
    LOG.addAppender(logged);
    LOG.setLevel(Level.INFO);
  }

  @AfterEach
  void listenNoMore() {
    LOG.detachAppender(logged);
    LOG.setLevel(null);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "SELECT | issue pending again backoff_s=0.0 cause=attempt 1 not_started: no such command | settled not_started",
        "UPDATE cape_issues SET cancel_requested_at = now() | issue cancelled | settled not_started",
        "DELETE FROM cape_issues | issue deleted or claimed again, attempt closed alone outcome=not_started | settled not_started",
        "UPDATE cape_issue_attempts SET outcome = 'lost' | lease lost, nothing written outcome=not_started | fenced SETTLE"
      })
  void logTellsWhatWasWritten(String meanwhile, String line, String event) throws Exception {
    var fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    Claim claim = fixture.stores.issues().claimNext(ALICE, "logs", LEASE).orElseThrow();
    fixture.database.execute(meanwhile);
    try (var settler = fixture.settler()) {
      assertTrue(settler.settle(claim, notStarted(claim), Settler.KEPT));
    }
    assertEquals(line, logged.list.get(0).getFormattedMessage());
    assertEquals(1, logged.list.size());
    assertEquals(List.of(event), fixture.listener.events);
  }

  @ParameterizedTest
  @CsvSource({"not_started, settled not_started", "lost, fenced SETTLE"})
  void secondTryIsAResultOfTheFirstWhereThatWasWritten(String found, String event)
      throws Exception {
    var fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    Claim claim = fixture.stores.issues().claimNext(ALICE, "logs", LEASE).orElseThrow();
    fixture.database.execute("UPDATE cape_issue_attempts SET outcome = '" + found + "'");
    var tries = new AtomicInteger();
    Supplier<Settlement> rules =
        () -> {
          if (tries.incrementAndGet() == 1) {
            fixture.database.execute("ALTER TABLE cape_issue_attempts RENAME TO away");
          } else {
            fixture.database.execute("ALTER TABLE away RENAME TO cape_issue_attempts");
          }
          return notStarted(claim).get();
        };
    try (var settler = fixture.settler()) {
      assertTrue(settler.settle(claim, rules, Settler.KEPT));
    }
    assertEquals(List.of("database away", event, "database back"), fixture.listener.events);
  }

  @Test
  void resultThatTheDatabaseTakesAtOnceStaysOffTheDisk() throws Exception {
    var fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    Claim claim = fixture.stores.issues().claimNext(ALICE, "logs", LEASE).orElseThrow();
    var kept = new AtomicInteger();
    try (var settler = fixture.settler()) {
      assertTrue(settler.settle(claim, notStarted(claim), kept::incrementAndGet));
    }
    assertEquals(0, kept.get());
  }

  @Test
  void resultThatTheDatabaseTakesLateIsOnTheDiskBefore() throws Exception {
    var fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    Claim claim = fixture.stores.issues().claimNext(ALICE, "logs", LEASE).orElseThrow();
    var kept = new CountDownLatch(1);
    try (var settler = fixture.settler();
        Connection other = fixture.database.dataSource().getConnection()) {
      other.setAutoCommit(false);
      other.createStatement().execute("LOCK TABLE cape_issue_attempts");
      var settled =
          CompletableFuture.supplyAsync(
              () -> {
                try {
                  return settler.settle(claim, notStarted(claim), kept::countDown);
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      assertTrue(kept.await(10, TimeUnit.SECONDS));
      assertFalse(settled.isDone());
      other.rollback();
      assertTrue(settled.get(10, TimeUnit.SECONDS));
    }
  }

  private static Supplier<Settlement> notStarted(Claim claim) {
    return () -> EndingRules.notStarted(claim, "no such command");
  }
}
