package com.cape.worker.store.queue;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.store.Database;
import com.cape.worker.testing.TestDatabase;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** More claimers than any fleet has slots, all at once. */
@Tag("database")
@Timeout(60)
class ManyClaimersTest {
  private static final int CLAIMERS = 32;
  private static final int ISSUES = 10_000;

  private final TestDatabase test = TestDatabase.createMigrated();

  @Test
  void eachIssueIsClaimedOnceAndInOrderWithinItsPriority() throws Exception {
    // Due in another order than inserted; most share their moment with others.
    test.execute(
        """
        INSERT INTO cape_issues (description, priority, run_after)
        SELECT 'issue', n %% 3, now() - make_interval(mins => n * 7919 %% 1000)
          FROM generate_series(1, %d) n
        """
            .formatted(ISSUES));
    Crowd.Result result;
    try (var database =
        Database.open(
            DatabaseUrl.parse(test.direct().url()), "crowd", CLAIMERS, Duration.ofSeconds(15))) {
      // As of a worker that is not behind a pooler.
      database.keepPlans(true);
      result = new Crowd(database, CLAIMERS).claimAndSettleAll();
    }

    assertEquals(ISSUES, result.claims().size());
    assertEquals(ISSUES, result.claims().stream().map(Crowd.Taken::issueId).distinct().count());
    assertEquals(
        "10000 10000 1 1",
        test.value(
            "SELECT concat_ws(' ', count(*), count(DISTINCT issue_id), max(fence), max(attempt))"
                + " FROM cape_issue_attempts WHERE outcome = 'completed'"));
    assertEquals(
        "10000", test.value("SELECT count(*) FROM cape_issues WHERE status = 'completed'"));
    assertNoneWaitedBehindALaterOne(result.claims());
    System.out.printf(
        "%d claimers, %d issues: %d ms%n", CLAIMERS, ISSUES, result.took().toMillis());
  }

  /** A claim that was had before another was asked for took an issue whose turn was earlier. */
  private void assertNoneWaitedBehindALaterOne(List<Crowd.Taken> claims) {
    Map<Long, Integer> turns = turns();
    List<Crowd.Taken> byEnd =
        claims.stream().sorted(Comparator.comparingLong(Crowd.Taken::hadNanos)).toList();
    int ended = 0;
    int latestTurn = -1;
    for (Crowd.Taken claim :
        claims.stream().sorted(Comparator.comparingLong(Crowd.Taken::askedNanos)).toList()) {
      for (; byEnd.get(ended).hadNanos() < claim.askedNanos(); ended++) {
        latestTurn = Math.max(latestTurn, turns.get(byEnd.get(ended).issueId()));
      }
      int turn = turns.get(claim.issueId());
      assertTrue(latestTurn < turn, "issue of turn %d after %d".formatted(turn, latestTurn));
    }
  }

  private Map<Long, Integer> turns() {
    Map<Long, Integer> turns = new HashMap<>();
    String ids =
        test.value(
            "SELECT string_agg(id::text, ' ' ORDER BY priority DESC, run_after, id) FROM cape_issues");
    for (String id : ids.split(" ")) {
      turns.put(Long.parseLong(id), turns.size());
    }
    return turns;
  }
}
