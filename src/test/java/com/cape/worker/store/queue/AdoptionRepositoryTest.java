package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.BOB;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static com.cape.worker.store.queue.RepositoryFixture.completed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.AdoptionRepository.Owner;
import com.cape.worker.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("database")
@Timeout(30)
class AdoptionRepositoryTest {
  private static final WorkerIdentity NEXT =
      new WorkerIdentity(ALICE.id(), UUID.randomUUID(), "there", 2);

  private final TestDatabase database = TestDatabase.createMigrated();
  private final Database open = new Database(database.dataSource());
  private final IssueRepository issues = new IssueRepository(open);
  private final WorkerRepository workers = new WorkerRepository(open, "1");
  private final AdoptionRepository adoptions = new AdoptionRepository(open);
  private Claim claim;

  @BeforeEach
  void claimAnIssue() {
    database.execute("INSERT INTO cape_issues (description) VALUES ('an issue')");
    claim = RepositoryFixture.claim(issues, ALICE).orElseThrow();
    database.execute("UPDATE cape_issue_attempts SET lease_expires_at = now() + interval '5 s'");
  }

  @Test
  void attemptOfAPredecessorIsTakenOverWithANewLeaseAndCountedOnce() {
    assertEquals(Owner.THIS, takeOver(NEXT, ALICE, true));
    // The answer was lost.
    assertEquals(Owner.THIS, takeOver(NEXT, ALICE, true));
    assertEquals(
        "1 there 2 t t",
        database.value(
            "SELECT concat_ws(' ', adoptions, host, pid, adopted_at = started_at OR adopted_at > started_at,"
                + " lease_expires_at > now() + interval '4 min') FROM cape_issue_attempts"));
  }

  @Test
  void predecessorNeitherExtendsNorSettlesWhatWasTakenOver() {
    takeOver(NEXT, ALICE, true);
    assertEquals(List.of(), workers.extendLeases(ALICE.instance(), List.of(claim.runId()), LEASE));
    assertEquals(Optional.empty(), issues.settle(claim, completed()));
    assertEquals("started", database.value("SELECT status FROM cape_issues"));
    assertTrue(issues.settle(claim.heldBy(NEXT.instance()), completed()).isPresent());
    assertEquals("completed", database.value("SELECT status FROM cape_issues"));
  }

  @Test
  void secondOfTwoSuccessorsFindsThatItIsTheOthers() {
    WorkerIdentity twin = new WorkerIdentity(ALICE.id(), UUID.randomUUID(), "copy", 3);
    assertEquals(Owner.THIS, takeOver(NEXT, ALICE, true));
    assertEquals(Owner.OTHER, takeOver(twin, ALICE, true));
    assertEquals(Owner.THIS, takeOver(twin, NEXT, false));
    assertEquals("1", database.value("SELECT adoptions FROM cape_issue_attempts"));
  }

  @Test
  void anotherWorkersAttemptIsNotTakenOver() {
    assertEquals(Owner.OTHER, takeOver(BOB, ALICE, true));
  }

  @Test
  void attemptThatWasClosedOrDeletedIsNobodys() {
    database.execute("UPDATE cape_issue_attempts SET outcome = 'lost'");
    assertEquals(Owner.NOBODY, takeOver(NEXT, ALICE, true));
    database.execute("DELETE FROM cape_issue_attempts");
    assertEquals(Owner.NOBODY, takeOver(NEXT, ALICE, true));
  }

  @Test
  void rowThatSomebodyHoldsIsBusySoon() throws SQLException {
    try (Connection holder = database.dataSource().getConnection();
        var statement = holder.createStatement()) {
      holder.setAutoCommit(false);
      statement.execute("SELECT FROM cape_issue_attempts FOR UPDATE");
      var thrown = assertThrows(StoreException.class, () -> takeOver(NEXT, ALICE, true));
      assertEquals(StoreException.Kind.BUSY, thrown.kind());
    }
  }

  private Owner takeOver(WorkerIdentity by, WorkerIdentity predecessor, boolean adopts) {
    return adoptions.takeOver(claim.runId(), by, List.of(predecessor.instance()), adopts, LEASE);
  }
}
