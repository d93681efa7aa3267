package com.cape.worker.store.read;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.store.Database;
import com.cape.worker.testing.TestDatabase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("database")
class IssueSearchTest {
  private static final long SLOW = Duration.ofMillis(400).toNanos();

  private final TestDatabase database = TestDatabase.createMigrated();
  private final AtomicLong nanos = new AtomicLong();

  @Test
  void searchThatTakesTooLongSaysHowFarItCameAndGoesOnFromThere() {
    database.execute(
        "INSERT INTO cape_issues (description, status) SELECT CASE n WHEN 7 THEN 'needle' ELSE 'hay' END,"
            + " 'completed' FROM generate_series(1, 3000) AS n");
    var search = new IssueSearch(new Database(database.dataSource()), () -> nanos.addAndGet(SLOW));
    List<Long> found = new ArrayList<>();
    List<Long> searchedUntil = new ArrayList<>();
    Optional<IssueSearch.Position> after = Optional.empty();
    do {
      IssueSearch.Page page = search.find(needle(after));
      page.issues().forEach(issue -> found.add(issue.id()));
      page.searchedUntil().ifPresent(searchedUntil::add);
      after = page.next();
    } while (after.isPresent());
    assertEquals(List.of(7L), found);
    assertEquals(List.of(2001L, 1001L, 1L), searchedUntil);
  }

  private static IssueSearch.Query needle(Optional<IssueSearch.Position> after) {
    return new IssueSearch.Query(
        List.of(),
        Optional.empty(),
        Optional.empty(),
        Optional.of("needle"),
        IssueQueries.Sort.NEWEST,
        after,
        50);
  }
}
