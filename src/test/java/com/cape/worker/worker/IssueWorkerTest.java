package com.cape.worker.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.run.StopReason;
import com.cape.worker.store.Database;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.testing.LostAnswers;
import com.cape.worker.worker.state.Attempt;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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
    assertTrue(told.get(1).compareTo(Duration.ofMillis(300)) >= 0, told.toString());
    assertEquals(90, told.get(2).toMillis() / 1000.0, 10, told.toString());
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
  void claimWhoseAnswerWasLostIsFoundByItsRunIdAndRun() throws Exception {
    fixture.insert("one");
    // The answers of the first claim, of the settle with the second one, and of the settle alone.
    fixture.insert("two");
    IssueWorker worker =
        fixture.worker(
            new IssueRepository(new Database(lostAnswers(3))),
            fixture.script("echo $CAPE_ISSUE_ID >>ran"));
    assertEquals(IssueWorker.End.IDLE, worker.run());
    assertEquals(List.of("1", "2"), Files.readAllLines(directory.resolve("ran")));
    assertEquals("2", count("status = 'completed' AND attempts = 1 AND fence = 1"));
    assertEquals("0", fixture.database.value("SELECT count(*) - 2 FROM cape_issue_attempts"));
  }

  @Test
  void claimWhoseAnswerWasLostIsGivenBackByAWorkerThatDrains() throws Exception {
    fixture.insert("one");
    var issues = new IssueRepository(new Database(lostAnswers(1)));
    var settling = fixture.settling(issues, fixture.gate(fixture.script("exit 0")));
    var waiting =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return settling.line().next(Optional.empty());
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    await().until(() -> count("status = 'started'").equals("1"));
    fixture.drain.begin("test");
    Optional<Attempt> attempt = waiting.get(20, TimeUnit.SECONDS);
    // Found before the drain began, it is run; after, it is given back.
    assertTrue(
        attempt.isPresent()
            && attempt.get().stopAsked().stream().allMatch(StopReason.INTERRUPTED::equals));
  }

  private LostAnswers lostAnswers(int count) {
    var lost = new LostAnswers(fixture.database.dataSource());
    lost.next(count);
    return lost;
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
