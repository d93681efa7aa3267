package com.cape.worker.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.cape.worker.run.RunFolder;
import com.cape.worker.worker.state.Attempt;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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
  void logSaysWhatWasWritten(String meanwhile, String line, String event) throws Exception {
    var fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    RunPlan plan = fixture.script("exit 0");
    Attempt attempt = fixture.claimNext(plan);
    fixture.database.execute(meanwhile);
    giveBack(fixture.settling(plan), plan, attempt);
    assertEquals(line, logged.list.get(0).getFormattedMessage());
    assertEquals(1, logged.list.size());
    assertTrue(fixture.listener.events.contains(event), fixture.listener.events.toString());
  }

  @ParameterizedTest
  @CsvSource({"not_started, GIVEN_BACK", "lost, LOST"})
  void secondTryIsAResultOfTheFirstWhereThatWasWritten(String found, Attempt.State state)
      throws Exception {
    var fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    RunPlan plan = fixture.script("exit 0");
    Attempt attempt = fixture.claimNext(plan);
    fixture.database.execute("UPDATE cape_issue_attempts SET outcome = '" + found + "'");
    fixture.database.execute("ALTER TABLE cape_issue_attempts RENAME TO away");
    var settling = fixture.settling(plan);
    var settled = CompletableFuture.runAsync(() -> giveBack(settling, plan, attempt));
    await().until(() -> RunFolder.of(plan.runs(), attempt.claim()).notStarted().isPresent());
    fixture.database.execute("ALTER TABLE away RENAME TO cape_issue_attempts");
    settled.get(20, TimeUnit.SECONDS);
    assertEquals(state, attempt.state());
  }

  @Test
  void resultThatTheDatabaseTakesAtOnceStaysOffTheDisk() throws Exception {
    var fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    RunPlan plan = fixture.script("exit 0");
    giveBack(fixture.settling(plan), plan, fixture.claimNext(plan));
    assertTrue(Files.notExists(plan.runs()));
  }

  private static void giveBack(WorkerFixture.Settling settling, RunPlan plan, Attempt attempt) {
    RunFolder folder = RunFolder.of(plan.runs(), attempt.claim());
    assertDoesNotThrow(() -> settling.settler().giveBack(attempt, folder, "no such command"));
  }
}
