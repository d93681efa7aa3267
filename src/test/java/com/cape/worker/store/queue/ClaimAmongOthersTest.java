package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static com.cape.worker.store.queue.RepositoryFixture.completed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.store.Database;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.TestDatabase;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a claim does about rows that others hold, and what it leaves on its own. */
@Tag("database")
@Timeout(60)
class ClaimAmongOthersTest {
  // More than are tried one by one.
  private static final int HELD = 300;
  private static final String CLAIM =
      Stream.of(
              "'alice'",
              "'account:default'",
              "'alice'",
              "gen_random_uuid()",
              "'alice'",
              "gen_random_uuid()",
              "'here'",
              "1",
              "'default'",
              "'/logs'",
              "300",
              "gen_random_uuid()",
              "gen_random_uuid()")
          .reduce(ClaimForm.PLAIN.claim(), (sql, value) -> sql.replaceFirst("\\?", value));

  private final TestDatabase test = TestDatabase.createMigrated();
  private final IssueRepository issues = new IssueRepository(new Database(test.dataSource()));

  @BeforeEach
  void migrate() {
    new Migrator(test.dataSource()).migrate();
  }

  @Test
  void whatIsHeldOrRefusedIsPassedOver() throws SQLException {
    insert(HELD, 1);
    insert(3, 1);
    insert(1, 0);
    // Two among those that are tried one by one, one among the rest.
    test.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
          $$BEGIN IF new.description = 'mine' THEN RAISE 'hands off'; END IF; RETURN new; END$$;
        CREATE TRIGGER refuse BEFORE UPDATE ON cape_issues FOR EACH ROW EXECUTE FUNCTION refuse();
        ALTER TABLE cape_issues DISABLE TRIGGER refuse;
        UPDATE cape_issues SET description = 'mine' WHERE id IN (1, 30, %d);
        ALTER TABLE cape_issues ENABLE TRIGGER refuse
        """
            .formatted(HELD + 1));
    try (Connection others = test.direct().dataSource().getConnection();
        Statement statement = others.createStatement()) {
      others.setAutoCommit(false);
      statement.execute(
          "SELECT FROM cape_issues WHERE id <= %d AND description <> 'mine' FOR UPDATE"
              .formatted(HELD));
      assertEquals(HELD + 2, claim().orElseThrow().issueId());
      assertEquals(HELD + 3, claim().orElseThrow().issueId());
      assertEquals(HELD + 4, claim().orElseThrow().issueId());
      assertEquals(Optional.empty(), claim());
      others.rollback();
    }
    assertEquals(2, claim().orElseThrow().issueId());
  }

  @Test
  void columnsOfOthersMayHaveAnyName() throws SQLException {
    List.of(
            "tried", "since", "first", "until", "last", "due", "mine", "passed", "becomes",
            "attempt")
        .forEach(
            name ->
                test.execute(
                    "ALTER TABLE cape_issues ADD COLUMN %s date DEFAULT '2000-01-01'"
                        .formatted(name)));
    insert(2, 0);
    try (Connection others = test.direct().dataSource().getConnection();
        Statement statement = others.createStatement()) {
      others.setAutoCommit(false);
      statement.execute("SELECT FROM cape_issues WHERE id = 1 FOR UPDATE");
      Claim second = claim().orElseThrow();
      assertEquals(2, second.issueId());
      assertEquals(Optional.empty(), claim());
      assertTrue(issues.settle(second, completed()).isPresent());
      others.rollback();
    }
    assertEquals(1, claim().orElseThrow().issueId());
  }

  @Test
  void claimBesideAHeldIssueDoesNotReadTheRestOfTheQueue() throws SQLException {
    // All of one moment, as one statement inserts them.
    insert(100_000, 0);
    test.execute("VACUUM ANALYZE cape_issues");
    try (Connection others = test.direct().dataSource().getConnection();
        Statement holding = others.createStatement();
        Connection own = test.direct().dataSource().getConnection();
        Statement claiming = own.createStatement()) {
      others.setAutoCommit(false);
      holding.execute("SELECT FROM cape_issues WHERE id <= 10 FOR UPDATE");
      buffers(claiming);
      assertTrue(buffers(claiming) < 300, () -> "buffers: %d".formatted(buffers(claiming)));
    }
  }

  /** A plan that locks what it then drops would keep other workers from it. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT",
        // A table that is said to be empty, to be huge, and to hold nothing that a claim looks for.
        "UPDATE pg_class SET reltuples = 0, relpages = 0 WHERE relname ~ '^cape_issue'",
        "UPDATE pg_class SET reltuples = 1e9, relpages = 1 WHERE relname ~ '^cape_issue'",
        "UPDATE pg_class SET reltuples = 1, relpages = 1000000 WHERE relname ~ '^cape_issue'",
        "UPDATE pg_statistic SET stanullfrac = 1 WHERE starelid = 'cape_issues'::regclass",
        "UPDATE pg_statistic SET stadistinct = 1, stakind1 = 0, stakind2 = 0",
        // Plans that no statistics would bring about.
        "SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off",
        "SET enable_sort = off; SET enable_nestloop = off; SET enable_seqscan = off",
        "SET enable_indexscan = off; SET plan_cache_mode = force_generic_plan",
        "SET plan_cache_mode = force_custom_plan; SET enable_seqscan = off",
      })
  void claimLocksOneIssueWhateverTheStatisticsSay(String falsified) throws SQLException {
    insert(HELD, 2);
    insert(HELD, 1);
    test.execute("ANALYZE");
    test.execute("UPDATE cape_issues SET run_after = now() + interval '1 day' WHERE id % 3 = 0");
    try (Connection own = test.direct().dataSource().getConnection();
        Statement claiming = own.createStatement();
        Connection others = test.direct().dataSource().getConnection();
        Statement holding = others.createStatement()) {
      own.setAutoCommit(false);
      others.setAutoCommit(false);
      claiming.execute(falsified);
      own.commit();
      assertLocksOne(claiming, 1);
      // And where it has to look through what others hold.
      holding.execute("SELECT FROM cape_issues WHERE id < %d FOR UPDATE".formatted(HELD - 1));
      assertLocksOne(claiming, HELD - 1);
      others.rollback();
    }
  }

  /** Claims, looks who is locked beside what was locked before, and takes the claim back. */
  private void assertLocksOne(Statement claiming, long expected) throws SQLException {
    List<Long> before = unlocked();
    try (ResultSet row = claiming.executeQuery(CLAIM)) {
      assertTrue(row.next());
      assertEquals(expected, row.getLong("id"));
    }
    List<Long> after = unlocked();
    claiming.getConnection().rollback();
    assertEquals(before.stream().filter(id -> id != expected).toList(), after);
    assertEquals(before.size() - 1, after.size());
  }

  private List<Long> unlocked() {
    return new Database(test.direct().dataSource())
        .query(
            "SELECT id FROM cape_issues ORDER BY id FOR UPDATE SKIP LOCKED",
            bind -> {},
            row -> row.getLong("id"));
  }

  /** How many pages a claim touches. */
  private static int buffers(Statement statement) {
    try (ResultSet plan =
        statement.executeQuery("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + CLAIM)) {
      plan.next();
      Matcher hit = Pattern.compile("\"Shared Hit Blocks\": ([0-9]+)").matcher(plan.getString(1));
      assertTrue(hit.find());
      return Integer.parseInt(hit.group(1));
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Reading one takes a lock that all sessions share, and thirty-two claimers wait for it. */
  @Test
  void claimAndSettleNeedNoMultixact() {
    // The number is the server's: what others do there meanwhile is in it, but not each time.
    assertTrue(IntStream.range(0, 20).anyMatch(round -> claimsAndSettlesWithoutMultixact()));
  }

  private boolean claimsAndSettlesWithoutMultixact() {
    insert(3, 0);
    String before = nextMultixact();
    Optional<Claim> claim = claim();
    while (claim.isPresent()) {
      claim =
          issues
              .settleAndClaim(claim.get(), completed(), UUID.randomUUID(), ALICE, "/logs", LEASE)
              .claimed()
              .orElseThrow()
              .claim();
    }
    return before.equals(nextMultixact());
  }

  private String nextMultixact() {
    test.execute("CHECKPOINT");
    return test.value("SELECT next_multixact_id FROM pg_control_checkpoint()");
  }

  private void insert(int count, int priority) {
    test.execute(
        "INSERT INTO cape_issues (description, priority) SELECT 'x', %d FROM generate_series(1, %d)"
            .formatted(priority, count));
  }

  private Optional<Claim> claim() {
    return RepositoryFixture.claim(issues, ALICE);
  }
}
