package com.cape.worker.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.IssueRepository;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Tag("database")
@Timeout(60)
class IssueWorkerTest {
  private static final Duration LONG = Duration.ofMinutes(5);

  @TempDir private Path directory;
  private WorkerFixture fixture;

  @BeforeEach
  void start() {
    fixture = new WorkerFixture(directory);
  }

  @Test
  void takesOneIssueAfterTheOtherUntilNothingIsDue() throws Exception {
    fixture.insert("one");
    fixture.insert("two");
    IssueWorker worker = fixture.worker(fixture.script("exit 0"), 1, LONG);
    assertEquals(IssueWorker.End.IDLE, worker.run());
    assertEquals("2", count("status = 'completed' AND attempts = 1"));
    assertEquals(
        List.of("claimed", "claimed", "settled completed", "settled completed"),
        fixture.listener.events.stream().filter(event -> !event.startsWith("busy")).toList());
    assertEquals("busy 0", fixture.listener.events.get(fixture.listener.events.size() - 1));
  }

  @Test
  void listenerHearsHowLongAnIssueWasDueAndHowLongItRan() throws Exception {
    fixture.insert("one");
    fixture.database.execute("UPDATE cape_issues SET run_after = now() - interval '90 s'");
    fixture.insert("two");
    fixture.database.execute("UPDATE cape_issues SET run_after = '-infinity' WHERE id = 2");
    fixture.worker(fixture.script("sleep 0.3; exit 65"), 1, LONG).run();
    List<Duration> told = fixture.listener.durations;
    assertEquals(Duration.ZERO, told.get(0));
    assertEquals(90, told.get(1).toMillis() / 1000.0, 10, told.toString());
    assertTrue(told.get(2).compareTo(Duration.ofMillis(300)) >= 0, told.toString());
  }

  @Test
  void listenerThatFailsStopsNothing() throws Exception {
    fixture.insert("one");
    fixture.listener.fails = true;
    assertEquals(IssueWorker.End.IDLE, fixture.worker(fixture.script("exit 0"), 1, LONG).run());
    assertEquals("1", count("status = 'completed'"));
  }

  @Test
  void slotsRunAtTheSameTime() throws Exception {
    fixture.insert("one");
    fixture.insert("two");
    // Each waits for the other's file, so that one alone would time out.
    String script =
        "touch seen-$CAPE_ISSUE_ID; until [ -e seen-1 ] && [ -e seen-2 ]; do sleep 0.02; done";
    assertEquals(IssueWorker.End.IDLE, fixture.worker(fixture.script(script), 2, LONG).run());
    assertEquals("2", count("status = 'completed'"));
  }

  @Test
  void missingCommandIsFoundOutBeforeAnIssueIsClaimed() throws Exception {
    fixture.insert("one");
    IssueWorker worker = fixture.worker(fixture.plan("no-such-command {id}", "/bin"), 1, LONG);
    assertEquals(IssueWorker.End.CANNOT_START, worker.run());
    assertEquals("1", count("status = 'pending' AND attempts = 0 AND fence = 0"));
  }

  @Test
  void commandThatVanishesBetweenTwoRunsCostsNoAttempt() throws Exception {
    Path command = Files.writeString(directory.resolve("adw"), "#!/bin/sh\nrm \"$0\"\n");
    assertTrue(command.toFile().setExecutable(true));
    fixture.insert("one");
    fixture.insert("two");
    IssueWorker worker = fixture.worker(fixture.plan(command + " {id}", "/bin"), 1, LONG);
    assertEquals(IssueWorker.End.CANNOT_START, worker.run());
    assertEquals("1", count("id = 1 AND status = 'completed'"));
    assertEquals("1", count("id = 2 AND status = 'pending' AND attempts = 0"));
  }

  @Test
  void commandThatVanishesWhileItRunsCostsNoAttempt() throws Exception {
    Path command = directory.resolve("adw");
    Files.writeString(command, "#!/bin/sh\nrm \"$0\"\nexit 127\n");
    assertTrue(command.toFile().setExecutable(true));
    fixture.insert("one");
    IssueWorker worker = fixture.worker(fixture.plan(command + " {id}", "/bin"), 1, LONG);
    assertEquals(IssueWorker.End.CANNOT_START, worker.run());
    assertEquals("1", count("status = 'pending' AND attempts = 0 AND fence = 1"));
    assertEquals("not_started", fixture.database.value("SELECT outcome FROM cape_issue_attempts"));
  }

  @Test
  void exit127OfACommandThatIsThereIsAFailure() throws Exception {
    fixture.insert("one");
    fixture.worker(fixture.script("exit 127"), 1, LONG).run();
    assertEquals("1", count("status = 'pending' AND attempts = 1"));
    assertEquals("failed", fixture.database.value("SELECT outcome FROM cape_issue_attempts"));
  }

  @Test
  void drainLetsTheRunningWorkflowEndAndClaimsNoMore() throws Exception {
    fixture.insert("one");
    fixture.insert("two");
    // The workflow holds on until it sees that the drain has begun.
    var end = runUntilStarted("touch started; until [ -e go ]; do sleep 0.02; done", LONG);
    fixture.drain.begin("test");
    Files.createFile(directory.resolve("go"));
    assertEquals(IssueWorker.End.STOPPED, end.get(20, TimeUnit.SECONDS));
    assertEquals("1", count("status = 'completed'"));
    assertEquals("1", count("status = 'pending' AND fence = 0"));
  }

  @Test
  void drainTimeoutGivesTheIssueBackUncounted() throws Exception {
    fixture.insert("one");
    var end = runUntilStarted("touch started; sleep 60", Duration.ofMillis(100));
    String place = fixture.database.value("SELECT run_after FROM cape_issues");
    fixture.drain.begin("test");
    assertEquals(IssueWorker.End.STOPPED, end.get(20, TimeUnit.SECONDS));
    assertEquals("1", count("status = 'pending' AND attempts = 0 AND run_after = '" + place + "'"));
    assertEquals("interrupted", fixture.database.value("SELECT outcome FROM cape_issue_attempts"));
  }

  @Test
  void secondStopInterruptsAtOnce() throws Exception {
    fixture.insert("one");
    var end = runUntilStarted("touch started; sleep 60", LONG);
    fixture.drain.begin("first");
    fixture.drain.interrupt("second");
    assertEquals(IssueWorker.End.STOPPED, end.get(20, TimeUnit.SECONDS));
    assertEquals("1", count("status = 'pending' AND attempts = 0"));
  }

  @Test
  void claimWhoseAnswerWasLostIsGivenBackUncounted() throws Exception {
    fixture.insert("one");
    var atWork = new AtWork();
    var claims =
        claims(
            new IssueRepository(new Database(answerLost(fixture.database.dataSource()))), atWork);
    assertThrows(StoreException.class, () -> claims.look(held -> {}));
    assertEquals("1", count("status = 'started'"));
    List<Claim> unanswered = claims.unanswered();
    assertEquals(1, unanswered.size());
    atWork.begun(unanswered.get(0));
    assertThrows(StoreException.class, () -> claims.look(held -> {}));
    assertEquals(List.of(), claims.unanswered());
  }

  @Test
  void runOfTheIssueThatItsSlotHasJustSettledIsNotGivenBack() {
    fixture.insert("one");
    var atWork = new AtWork();
    var claims = claims(fixture.stores.issues(), atWork);
    List<Claim> taken = new ArrayList<>();
    claims.look(held -> taken.add(held.claim()));
    Claim first = taken.get(0);
    claims.settle(first, EndingRules.notStarted(first, "test"), held -> taken.add(held.claim()));
    atWork.ended(first);
    assertEquals(first.issueId(), taken.get(1).issueId());
    var cut =
        claims(
            new IssueRepository(new Database(answerLost(fixture.database.dataSource()))), atWork);
    assertThrows(StoreException.class, () -> cut.look(held -> {}));
    assertEquals(List.of(), cut.unanswered());
  }

  private static Claims claims(IssueRepository issues, AtWork atWork) {
    return new Claims(
        WorkerFixture.ALICE,
        issues,
        "logs",
        WorkerFixture.LEASE,
        atWork,
        () -> true,
        Listeners.NOBODY);
  }

  /** Fails after the statement of each claim has been committed. */
  private static DataSource answerLost(DataSource source) {
    return (DataSource)
        Proxy.newProxyInstance(
            DataSource.class.getClassLoader(),
            new Class<?>[] {DataSource.class},
            (self, method, arguments) -> connectionThatFails((Connection) method.invoke(source)));
  }

  private static Connection connectionThatFails(Connection connection) {
    return (Connection)
        Proxy.newProxyInstance(
            Connection.class.getClassLoader(),
            new Class<?>[] {Connection.class},
            (self, method, arguments) -> {
              Object result = method.invoke(connection, arguments);
              boolean claim =
                  method.getName().equals("prepareStatement")
                      && arguments[0].toString().contains("cape_due_issues");
              return claim ? statementThatFails((PreparedStatement) result) : result;
            });
  }

  private static PreparedStatement statementThatFails(PreparedStatement statement) {
    return (PreparedStatement)
        Proxy.newProxyInstance(
            PreparedStatement.class.getClassLoader(),
            new Class<?>[] {PreparedStatement.class},
            (self, method, arguments) -> {
              Object result = method.invoke(statement, arguments);
              if (method.getName().equals("execute")) {
                throw new SQLException("the connection was cut", "08006");
              }
              return result;
            });
  }

  private CompletableFuture<IssueWorker.End> runUntilStarted(String script, Duration drainTimeout)
      throws Exception {
    var end = new CompletableFuture<IssueWorker.End>();
    RunPlan plan = fixture.script(script);
    IssueWorker worker = fixture.worker(plan, 1, drainTimeout, false);
    try (var watcher = directory.getFileSystem().newWatchService()) {
      directory.register(watcher, java.nio.file.StandardWatchEventKinds.ENTRY_CREATE);
      new Thread(
              () -> {
                try {
                  end.complete(worker.run());
                } catch (InterruptedException e) {
                  end.completeExceptionally(e);
                }
              })
          .start();
      while (Files.notExists(directory.resolve("started"))) {
        var key = watcher.poll(10, TimeUnit.SECONDS);
        assertTrue(key != null, "the workflow did not start");
        key.pollEvents();
        key.reset();
      }
    }
    return end;
  }

  private String count(String condition) {
    return fixture.database.value("SELECT count(*) FROM cape_issues WHERE " + condition);
  }
}
