package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.completed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.store.Database;
import com.cape.worker.testing.TestDatabase;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A row whose numbers somebody has set to their limits stands in nobody's way. */
@Tag("database")
@Timeout(30)
class EdgeOfNumbersTest {
  private final TestDatabase database = TestDatabase.createMigrated();
  private final IssueRepository repository =
      new IssueRepository(new Database(database.dataSource()));

  @BeforeEach
  void insertAnOddIssueBeforeAnotherOne() {
    database.execute(
        "INSERT INTO cape_issues (description, priority) VALUES ('odd', 1), ('another', 0)");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "attempts = 2147483647",
        "attempts = 2147483646",
        "attempts = -2147483648",
        "fence = 9223372036854775807",
        "fence = 9223372036854775806",
        "attempts = 2147483647, fence = 9223372036854775807",
        "attempts = 2147483647, cancel_requested_at = now()"
      })
  void issueBehindItIsClaimed(String change) {
    database.execute("UPDATE cape_issues SET " + change + " WHERE description = 'odd'");
    assertTrue(claimAndSettleAll().contains("another"));
  }

  @Test
  void rowThatACheckForbidsStandsInNobodysWay() {
    database.execute(
        "ALTER TABLE cape_issues ADD CONSTRAINT not_odd CHECK (description <> 'odd') NOT VALID");
    assertEquals(Set.of("another"), claimAndSettleAll());
  }

  @Test
  void fenceOfAnAttemptAtItsLimitStandsInNobodysWayEither() {
    assertEquals("odd", claimAndSettle().orElseThrow());
    database.execute("UPDATE cape_issue_attempts SET fence = 9223372036854775807");
    database.execute("UPDATE cape_issues SET status = 'pending', run_after = '2020-01-01'");
    assertTrue(claimAndSettleAll().contains("another"));
  }

  @Test
  void issueWhoseAttemptsAreAtTheirLimitCanBeRunAllTheSame() {
    database.execute("UPDATE cape_issues SET attempts = 2147483647 WHERE description = 'odd'");
    assertEquals(Set.of("odd", "another"), claimAndSettleAll());
  }

  private Set<String> claimAndSettleAll() {
    Set<String> seen = new HashSet<>();
    for (Optional<String> one = claimAndSettle(); one.isPresent(); one = claimAndSettle()) {
      assertTrue(seen.add(one.get()), "claimed twice: " + one.get());
    }
    return seen;
  }

  private Optional<String> claimAndSettle() {
    Optional<Claim> claim = RepositoryFixture.claim(repository, ALICE);
    claim.ifPresent(one -> assertTrue(repository.settle(one, completed()).isPresent()));
    return claim.map(Claim::description);
  }
}
