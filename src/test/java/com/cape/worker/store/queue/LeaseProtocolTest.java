package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.BOB;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.issue.Claim;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.store.Database;
import com.cape.worker.store.queue.WorkerRepository.LeaseReply;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.Repeats;
import com.cape.worker.testing.TestDatabase;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Two workers, a rescuer, a canceller and somebody who edits by hand take turns over the real
 * statements, in an order that a seed decides.
 */
@Tag("database")
@Timeout(180)
class LeaseProtocolTest {
  private static final int INTERLEAVINGS = Repeats.of(300, 1000);
  private static final int STEPS = 16;
  private static final RetryPolicy RETRIES =
      new RetryPolicy(0, Duration.ofSeconds(1), Duration.ofSeconds(1));
  private static final List<String> EDITS =
      List.of(
          "UPDATE cape_issues SET status = 'pending'",
          "UPDATE cape_issues SET status = 'started'",
          "UPDATE cape_issues SET status = 'completed'",
          "UPDATE cape_issues SET fence = 0",
          "UPDATE cape_issues SET fence = fence + 5, attempts = 0",
          "UPDATE cape_issues SET assigned_worker_id = 'somebody'",
          "DELETE FROM cape_issues",
          "INSERT INTO cape_issues (id, description) VALUES (1, 'again') ON CONFLICT DO NOTHING",
          "INSERT INTO cape_issues (id, description, fence) VALUES (1, 'b', 9) ON CONFLICT DO NOTHING");

  private final TestDatabase test = TestDatabase.createMigrated();
  private final List<Run> runs = new ArrayList<>();
  private final Map<Long, Long> fences = new HashMap<>();
  private final List<String> story = new ArrayList<>();
  private Connection hand;
  private Database database;
  private IssueRepository issues;
  private WorkerRepository workers;
  private Random random;
  private boolean edited;

  /** What a worker knows of its claim, and whether the workflow runs. */
  private static final class Run {
    private final Claim claim;
    private boolean alive = true;
    private boolean good;

    private Run(Claim claim) {
      this.claim = claim;
    }
  }

  @BeforeEach
  void open() throws SQLException {
    hand = test.dataSource().getConnection();
    new Migrator(test.dataSource()).migrate();
    database = Database.open(DatabaseUrl.parse(test.url()), "protocol", 1, Duration.ofSeconds(15));
    issues = new IssueRepository(database);
    workers = new WorkerRepository(database, "test");
  }

  @AfterEach
  void close() throws SQLException {
    hand.close();
    database.close();
  }

  @Test
  void noOrderOfStepsBreaksALease() {
    int settled = 0;
    for (int seed = 0; seed < INTERLEAVINGS; seed++) {
      random = new Random(seed);
      runs.clear();
      fences.clear();
      story.clear();
      edited = false;
      execute("TRUNCATE cape_issues, cape_issue_attempts RESTART IDENTITY");
      execute("INSERT INTO cape_issues (description) VALUES ('an issue')");
      try {
        for (int step = 0; step < STEPS; step++) {
          step();
        }
        finish();
      } catch (AssertionError | RuntimeException e) {
        throw new AssertionError("seed " + seed + ": " + String.join("; ", story), e);
      }
      settled += (int) runs.stream().filter(run -> !run.alive).count();
    }
    assertTrue(settled > INTERLEAVINGS, "the walk comes around: " + settled);
  }

  private void step() {
    switch (random.nextInt(10)) {
      case 0, 1, 2 -> claim();
      case 3 -> any().ifPresent(this::heartbeat);
      case 4 -> any().ifPresent(this::end);
      case 5, 6 -> any().filter(run -> !run.alive).ifPresent(this::settle);
      case 7 -> any().ifPresent(this::expire);
      case 8 -> rescue();
      default -> edit();
    }
  }

  private Optional<Run> any() {
    return runs.isEmpty() ? Optional.empty() : Optional.of(runs.get(random.nextInt(runs.size())));
  }

  private void claim() {
    execute("UPDATE cape_issues SET run_after = now() WHERE status = 'pending'");
    boolean alice = random.nextBoolean();
    UUID runId = UUID.randomUUID();
    Optional<Claim> next = issues.claim(runId, alice ? ALICE : BOB, "/logs", LEASE).claim();
    boolean lost = random.nextInt(4) == 0;
    if (lost) {
      story.add("(the answer was lost)");
      Optional<Claim> found = issues.findClaim(runId, LEASE);
      assertEquals(next, found);
      next = found;
    }
    next.ifPresent(
        claim -> {
          story.add("claim " + claim.fence() + (alice ? " by alice" : " by bob"));
          for (Run run : runs) {
            assertTrue(!run.alive || run.claim.issueId() != claim.issueId(), "two live runs");
          }
          long before = fences.getOrDefault(claim.issueId(), -1L);
          assertTrue(claim.fence() > before, "fence used before");
          fences.put(claim.issueId(), claim.fence());
          runs.add(new Run(claim));
        });
  }

  private void heartbeat(Run run) {
    boolean held = outcome(run).equals("running");
    String before = rows();
    List<LeaseReply> answer =
        workers.extendLeases(run.claim.instance(), List.of(run.claim.runId()), LEASE);
    story.add("heartbeat " + run.claim.fence() + " " + answer);
    assertEquals(held, !answer.isEmpty());
    assertEquals(before, rows(), "a heartbeat changes no issue");
    if (answer.isEmpty() || answer.get(0).cancelRequested() || answer.get(0).issueDeleted()) {
      run.alive = false;
    } else if (!run.alive) {
      story.add("(the workflow had ended)");
    }
  }

  private void end(Run run) {
    if (run.alive) {
      run.alive = false;
      run.good = random.nextBoolean();
      story.add("end " + run.claim.fence() + (run.good ? " good" : " bad"));
    }
  }

  private void settle(Run run) {
    String before = rows();
    String outcome = outcome(run);
    boolean own = issueFence(run).equals(Long.toString(run.claim.fence()));
    boolean taken = issues.settle(run.claim, settlement(run)).isPresent();
    story.add("settle " + run.claim.fence() + " " + taken);
    if (random.nextInt(4) == 0) {
      story.add("(its answer was lost)");
      String written = rows();
      assertTrue(issues.settle(run.claim, settlement(run)).isEmpty(), "taken twice");
      assertEquals(written, rows());
    }
    assertEquals(
        outcome.equals("running") || (outcome.equals("lost") && run.good && own), taken, outcome);
    if (!taken || !own) {
      assertEquals(before, rows(), "a stale settle changes no issue");
    } else if (run.good) {
      assertEquals("completed", status(run));
    } else {
      assertTrue(List.of("pending", "cancelled").contains(status(run)), status(run));
    }
    if (taken) {
      assertEquals(run.good ? "completed" : "failed", outcome(run));
    }
  }

  private static Settlement settlement(Run run) {
    return run.good ? RepositoryFixture.completed() : RepositoryFixture.again(true);
  }

  /** The guardian has ended the workflow by then. */
  private void expire(Run run) {
    story.add("expire " + run.claim.fence());
    run.alive = false;
    execute(
        "UPDATE cape_issue_attempts SET lease_expires_at = now() - interval '1 s' WHERE run_id = '"
            + run.claim.runId()
            + "'");
  }

  private void rescue() {
    String before = rows();
    List<Settled> rescued = RepositoryFixture.rescueAll(issues, RETRIES);
    story.add("rescue " + rescued.size());
    if (rescued.isEmpty()) {
      assertEquals(before, rows(), "nothing to rescue, nothing changed");
    }
    for (Run run : runs) {
      assertTrue(!run.alive || !outcome(run).equals("lost"), "a live run was rescued");
    }
  }

  private void edit() {
    if (random.nextInt(3) == 0) {
      story.add("cancel");
      execute("UPDATE cape_issues SET cancel_requested_at = now()");
      return;
    }
    edited = true;
    String edit = EDITS.get(random.nextInt(EDITS.size()));
    story.add(edit);
    execute(edit);
  }

  private void finish() {
    List.copyOf(runs).forEach(this::expire);
    rescue();
    assertEquals("0", value("SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'running'"));
    if (!edited) {
      assertEquals("0", value("SELECT count(*) FROM cape_issues WHERE status = 'started'"));
    }
  }

  private String outcome(Run run) {
    return value(
        "SELECT outcome FROM cape_issue_attempts WHERE run_id = '" + run.claim.runId() + "'");
  }

  private String issueFence(Run run) {
    return value("SELECT max(fence) FROM cape_issues WHERE id = " + run.claim.issueId());
  }

  private String status(Run run) {
    return value("SELECT status FROM cape_issues WHERE id = " + run.claim.issueId());
  }

  private String rows() {
    return value("SELECT string_agg(i::text, ';' ORDER BY id) FROM cape_issues i");
  }

  private String value(String sql) {
    return database
        .queryOne(sql, bind -> {}, row -> Optional.ofNullable(row.getString(1)).orElse("none"))
        .orElse("none");
  }

  private void execute(String sql) {
    try (Statement statement = hand.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }
}
