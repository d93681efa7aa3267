package com.cape.worker.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import com.cape.worker.issue.Claim;
import com.cape.worker.run.Ending;
import com.cape.worker.run.RunFolder;
import com.cape.worker.store.schema.Migrator;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

@Tag("database")
@Timeout(30)
class RecoveryTest {
  @TempDir private Path directory;
  private final ListAppender<ILoggingEvent> logged = new ListAppender<>();
  private WorkerFixture fixture;
  private RunPlan plan;
  private Claim claim;

  @BeforeEach
  void claimAnIssue() {
    fixture = new WorkerFixture(directory);
    fixture.insert("an issue");
    plan = fixture.script("exit 0");
    claim =
        fixture
            .stores
            .issues()
            .claim(
                UUID.randomUUID(),
                WorkerFixture.ALICE,
                plan.issueLogs().toString(),
                WorkerFixture.LEASE)
            .claim()
            .orElseThrow();
    logged.start();
    logger().addAppender(logged);
  }

  @AfterEach
  void listenNoMore() {
    logger().detachAppender(logged);
  }

  @Test
  void runThatThePredecessorCouldNotStartCostsTheIssueNoAttempt() throws Exception {
    RunFolder.of(plan.runs(), claim).keepNotStarted("no such command");

    fixture.worker(plan, 1, Duration.ofSeconds(10)).run();

    assertEquals(
        "completed 1 not_started,completed",
        fixture.database.value(
            "SELECT concat_ws(' ', status, attempts, (SELECT string_agg(outcome, ',' ORDER BY id)"
                + " FROM cape_issue_attempts)) FROM cape_issues"));
    assertFalse(Files.exists(RunFolder.of(plan.runs(), claim).path()));
  }

  @Test
  void resultOfThePredecessorIsSettledAndNoOtherIssueClaimedThatNobodyRuns() throws Exception {
    RunFolder folder = RunFolder.create(plan.runs(), claim);
    folder.keep(new Ending(OptionalInt.of(0), Optional.empty(), Duration.ZERO, 0, List.of()));
    fixture.insert("another one");

    fixture.worker(plan, 1, Duration.ofSeconds(10)).run();

    assertEquals(
        "completed 1,completed 1",
        fixture.database.value("SELECT string_agg(status || ' ' || fence, ',') FROM cape_issues"));
  }

  @Test
  void claimWhoseRunWasNotSpecifiedYetIsGivenBack() throws Exception {
    RunFolder.create(plan.runs(), claim);

    fixture.worker(plan, 1, Duration.ofSeconds(10)).run();

    assertEquals(
        "completed 1 not_started,completed",
        fixture.database.value(
            "SELECT concat_ws(' ', status, attempts, (SELECT string_agg(outcome, ',' ORDER BY id)"
                + " FROM cape_issue_attempts)) FROM cape_issues"));
  }

  @Test
  void runThatCannotBeRecoveredIsToldOfOnceAndLeftToItsLease() throws Exception {
    RunFolder.create(plan.runs(), claim);
    Files.writeString(RunFolder.of(plan.runs(), claim).path().resolve("ending"), "nonsense");

    fixture.worker(plan, 1, Duration.ofSeconds(10)).run();

    assertEquals(
        List.of("cannot recover a run; it is left to its lease"),
        logged.list.stream().map(ILoggingEvent::getFormattedMessage).toList());
    assertEquals("1", logged.list.get(0).getMDCPropertyMap().get("issue"));
    assertEquals("running", fixture.database.value("SELECT outcome FROM cape_issue_attempts"));
  }

  @Test
  void resultOfAnIssueWithAnIdOfAnySizeIsTaken() throws Exception {
    fixture.database.execute(
        "DROP VIEW cape_due_issues; ALTER TABLE cape_issues ALTER id TYPE bigint");
    new Migrator(fixture.database.dataSource()).migrate();
    for (String id : List.of("-1", "9223372036854775807")) {
      fixture.database.execute(
          "INSERT INTO cape_issues (id, description, fence, attempts)"
              + " VALUES (%s, 'an issue', 9223372036854775805, 2147483646)".formatted(id));
      Claim odd =
          fixture
              .stores
              .issues()
              .claim(
                  UUID.randomUUID(),
                  WorkerFixture.ALICE,
                  plan.issueLogs().toString(),
                  WorkerFixture.LEASE)
              .claim()
              .orElseThrow();
      RunFolder.create(plan.runs(), odd);
      Files.writeString(RunFolder.of(plan.runs(), odd).path().resolve("record"), "exit 0\n");
    }
    Path none = plan.runs().resolve("9999999999999999999-1-1-" + claim.runId());
    Files.createDirectory(none);

    fixture.worker(plan, 1, Duration.ofSeconds(10)).run();

    assertEquals(
        "completed completed",
        fixture.database.value(
            "SELECT string_agg(status, ' ') FROM cape_issues WHERE attempts = 2147483647"));
    assertFalse(Files.exists(none));
  }

  private static Logger logger() {
    return (Logger) LoggerFactory.getLogger(Recovery.class);
  }
}
