package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.BOB;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static com.cape.worker.store.queue.RepositoryFixture.again;
import static com.cape.worker.store.queue.RepositoryFixture.completed;
import static com.cape.worker.store.queue.RepositoryFixture.settlement;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.operator.ChangeResult;
import com.cape.worker.store.operator.OperatorRepository;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One row that cannot be written stands in the way of no other. */
@Tag("database")
@Timeout(60)
class RefusalTest {
  private static final RetryPolicy RETRIES =
      new RetryPolicy(5, Duration.ofSeconds(15), Duration.ofHours(1));

  private final TestDatabase database = TestDatabase.create();
  private final IssueRepository issues = new IssueRepository(new Database(database.dataSource()));
  private final WorkerRepository workers =
      new WorkerRepository(new Database(database.dataSource()), "test");

  @BeforeEach
  void migrate() {
    new Migrator(database.dataSource()).migrate();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "RAISE 'hands off' USING ERRCODE = '45000'",
        "RAISE 'hands off' USING ERRCODE = '08006'",
        "RAISE 'hands off' USING ERRCODE = '40001'",
        "RAISE 'hands off' USING ERRCODE = '42P01'",
        "RAISE 'hands off' USING ERRCODE = '42501'",
        "RAISE 'hands off' USING ERRCODE = '22021'",
        "PERFORM 1 / 0",
        "PERFORM FROM no_such_table",
        "RETURN NULL"
      })
  void issueWhoseClaimATriggerRefusesIsSetAside(String refusal) {
    insert("odd", "healthy", "healthy too");
    refuse("old.description = 'odd'", refusal);
    assertEquals(2, claim().orElseThrow().issueId());
    assertEquals(3, claim().orElseThrow().issueId());
    assertEquals(Optional.empty(), claim());
    assertEquals("pending", issue(1, "status"));
    assertEquals(
        "1 started 1",
        database.value("SELECT concat_ws(' ', issue_id, status, tries) FROM cape_refusals"));

    database.execute("DROP TRIGGER refuse ON cape_issues");
    database.execute("UPDATE cape_refusals SET retry_at = now()");
    assertEquals(1, claim().orElseThrow().issueId());
    assertEquals(0, issues.retryRefusals());
    assertEquals("0", database.value("SELECT count(*) FROM cape_refusals"));
  }

  @Test
  void refusedClaimIsTriedAgainEverMoreSeldom() {
    insert("odd");
    refuse("true", "RAISE 'hands off'");
    for (int tries = 1; tries <= 8; tries++) {
      assertEquals(Optional.empty(), claim());
      assertEquals(
          String.valueOf(Math.min(60, 1 << (tries - 1))),
          database.value(
              "SELECT round(extract(epoch FROM retry_at - refused_at) / 60) FROM cape_refusals"));
      database.execute("UPDATE cape_refusals SET retry_at = now()");
    }
  }

  @Test
  void statementThatIsRefusedForEveryIssueSetsNoneAside() {
    insert("one");
    database.execute("ALTER TABLE cape_issue_attempts RENAME COLUMN pid TO process");
    assertEquals(
        StoreException.Kind.SCHEMA, assertThrows(StoreException.class, this::claim).kind());
    assertEquals("0", database.value("SELECT count(*) FROM cape_refusals"));
  }

  @Test
  void finalStateThatIsRefusedHoldsNoSlotAndIsWrittenLater() {
    insert("odd", "healthy");
    database.execute(
        """
        CREATE TABLE states (name varchar(20) PRIMARY KEY);
        INSERT INTO states VALUES ('pending'), ('started'), ('completed');
        ALTER TABLE cape_issues ADD FOREIGN KEY (status) REFERENCES states
        """);
    Claim odd = claim().orElseThrow();
    var failed = settlement(Outcome.FAILED, IssueStatus.FAILED, true, Optional.empty());
    var both = issues.settleAndClaim(odd, failed, UUID.randomUUID(), ALICE, "/logs", LEASE);
    assertTrue(both.settled().orElseThrow().refusal().orElseThrow().contains("foreign key"));
    assertEquals("failed", database.value("SELECT outcome FROM cape_issue_attempts"));
    assertEquals("started", issue(1, "status"));
    assertEquals(2, claim().orElseThrow().issueId());

    database.execute("UPDATE cape_refusals SET retry_at = now()");
    assertEquals(0, issues.retryRefusals());
    assertEquals("2", database.value("SELECT tries FROM cape_refusals"));
    database.execute("INSERT INTO states VALUES ('failed')");
    assertEquals(0, issues.retryRefusals(), "not yet");
    database.execute("UPDATE cape_refusals SET retry_at = now()");
    assertEquals(1, issues.retryRefusals());
    assertEquals("failed it went wrong", issue(1, "status || ' ' || last_error"));
    assertEquals("0", database.value("SELECT count(*) FROM cape_refusals"));
  }

  @Test
  void retryOfAnIssueWhoseEndIsNotWrittenYetSaysSoAndByForceDiscardsTheEnd() {
    insert("odd");
    refuse("new.status = 'completed'", "RAISE 'hands off'");
    issues.settle(claim().orElseThrow(), RepositoryFixture.completed());
    var operator = new OperatorRepository(new Database(database.dataSource()));
    assertEquals(ChangeResult.UNSETTLED, operator.retry(List.of(1L), false).get(1L));
    assertEquals(ChangeResult.UNSETTLED, operator.cancel(List.of(1L)).get(1L));
    assertEquals(ChangeResult.QUEUED, operator.retry(List.of(1L), true).get(1L));
    assertEquals("0", database.value("SELECT count(*) FROM cape_refusals"));
    assertEquals(1, claim().orElseThrow().issueId());
  }

  @Test
  void rescueOfARefusingIssueClosesItsAttemptAndOthersGoOn() {
    insert("odd", "healthy");
    claim();
    claim();
    refuse("old.description = 'odd'", "RAISE 'hands off' USING ERRCODE = '45000'");
    expire();
    List<Settled> rescued = RepositoryFixture.rescueAll(issues, RETRIES);
    assertEquals(2, rescued.size());
    assertTrue(rescued.get(0).refusal().orElseThrow().contains("hands off"));
    assertEquals(Optional.of(IssueStatus.PENDING), rescued.get(1).status());
    assertEquals(
        "0", database.value("SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'running'"));

    database.execute("DROP TRIGGER refuse ON cape_issues");
    database.execute("UPDATE cape_refusals SET retry_at = now()");
    assertEquals(1, issues.retryRefusals());
    assertEquals("pending", issue(1, "status"));
  }

  @Test
  void rowThatSomebodyHoldsIsRescuedLaterAndTheOthersNow() throws SQLException {
    insert("held", "healthy");
    claim();
    claim();
    expire();
    List<ExpiredLease> expired = issues.expiredLeases(Duration.ZERO);
    try (Connection other = hold(1)) {
      var busy = assertThrows(StoreException.class, () -> rescue(expired.get(0)));
      assertEquals(StoreException.Kind.BUSY, busy.kind());
      assertTrue(rescue(expired.get(1)).isPresent());
      assertEquals(1, issues.expiredLeases(Duration.ZERO).size());
      other.rollback();
    }
    assertEquals(Optional.of(IssueStatus.PENDING), rescue(expired.get(0)).orElseThrow().status());
  }

  @Test
  void leaseThatWasExtendedMeanwhileIsNotRescued() {
    insert("alive");
    Claim claim = claim().orElseThrow();
    expire();
    ExpiredLease expired = issues.expiredLeases(Duration.ZERO).get(0);
    assertEquals(1, workers.extendLeases(claim.instance(), List.of(claim.runId()), LEASE).size());
    assertEquals(Optional.empty(), rescue(expired));
    assertEquals("running", database.value("SELECT outcome FROM cape_issue_attempts"));
  }

  @Test
  void settleOfARowThatSomebodyHoldsReturnsAndIsNotLost() throws SQLException {
    insert("held");
    Claim claim = claim().orElseThrow();
    try (Connection other = hold(1)) {
      Settled settled = issues.settle(claim, completed()).orElseThrow();
      assertTrue(settled.refusal().orElseThrow().contains("lock timeout"));
      database.execute("UPDATE cape_refusals SET retry_at = now()");
      assertEquals(0, issues.retryRefusals());
      other.rollback();
    }
    database.execute("UPDATE cape_issues SET status = 'pending'");
    assertEquals(Optional.empty(), claim(), "its result is not written yet");
    database.execute("UPDATE cape_refusals SET retry_at = now()");
    assertEquals(1, issues.retryRefusals());
    assertEquals("completed", issue(1, "status"));
  }

  @Test
  void keptResultIsForgottenOnceTheIssueIsAnother() {
    insert("odd");
    Claim claim = claim().orElseThrow();
    refuse("true", "RAISE 'hands off'");
    assertTrue(issues.settle(claim, again(true)).orElseThrow().refusal().isPresent());
    database.execute("DROP TRIGGER refuse ON cape_issues");
    database.execute("DELETE FROM cape_issues");
    insert("another");
    database.execute("UPDATE cape_issues SET id = 1; UPDATE cape_refusals SET retry_at = now()");
    assertEquals(0, issues.retryRefusals());
    assertEquals("pending", issue(1, "status"));
    assertEquals(1, claim().orElseThrow().issueId());
  }

  @Test
  void claimOfADeletedIssueWhoseAnswerWasLostIsGivenBack() {
    insert("deleted");
    UUID run = UUID.randomUUID();
    assertTrue(issues.claim(run, ALICE, "/logs", LEASE).claim().isPresent());
    assertEquals("deleted", issues.findClaim(run, LEASE).orElseThrow().description());
    database.execute("DELETE FROM cape_issues");
    assertEquals(Optional.empty(), issues.findClaim(run, LEASE));
    assertEquals("not_started", database.value("SELECT outcome FROM cape_issue_attempts"));
  }

  private Optional<Settled> rescue(ExpiredLease expired) {
    return issues.rescue(expired, RepositoryFixture.lost(expired, RETRIES));
  }

  private Connection hold(long id) throws SQLException {
    Connection other = database.direct().dataSource().getConnection();
    other.setAutoCommit(false);
    try (Statement statement = other.createStatement()) {
      statement.execute("SELECT FROM cape_issues WHERE id = %d FOR UPDATE".formatted(id));
    }
    return other;
  }

  private void refuse(String which, String how) {
    database.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
          $$BEGIN IF %s THEN %s; END IF; RETURN new; END$$;
        CREATE TRIGGER refuse BEFORE UPDATE ON cape_issues FOR EACH ROW EXECUTE FUNCTION refuse()
        """
            .formatted(which, how));
  }

  private void expire() {
    database.execute("UPDATE cape_issue_attempts SET lease_expires_at = now() - interval '1 s'");
  }

  private void insert(String... descriptions) {
    for (String description : descriptions) {
      database.execute("INSERT INTO cape_issues (description) VALUES ('" + description + "')");
    }
  }

  private String issue(long id, String expression) {
    return database.value("SELECT %s FROM cape_issues WHERE id = %d".formatted(expression, id));
  }

  private Optional<Claim> claim() {
    return RepositoryFixture.claim(issues, BOB);
  }
}
