package com.cape.worker.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.CommandTemplate;
import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.host.CommandCheck;
import com.cape.worker.host.ServiceManager;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.IssueListener;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.queue.AdoptionRepository;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.store.queue.WorkerRepository;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.TestDatabase;
import com.cape.worker.worker.state.BeatClock;
import com.cape.worker.worker.state.Drain;
import com.cape.worker.worker.state.LeaseTimes;
import com.cape.worker.worker.state.LifeSigns;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.Stores;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Fifty workers in one JVM, which have nothing to do and poll once in ten minutes. */
@Tag("database")
@Tag("notifications")
@Timeout(180)
class ManyIdleWorkersTest {
  private static final int WORKERS = 50;
  private static final int INSERTS = 3;
  private static final int MOST_CLAIMS = 5;
  private static final Duration LEASE = Duration.ofSeconds(10);
  // Longer than the last one stands by, and than a workflow takes.
  private static final Duration QUIET = Duration.ofMillis(500);

  @TempDir private Path directory;
  private final TestDatabase database = TestDatabase.createMigrated();
  private final AtomicInteger claims = new AtomicInteger();
  private final Drain drain = new Drain();
  private final List<Thread> threads = new ArrayList<>();
  private HikariDataSource pool;

  @BeforeEach
  void start() {
    new Migrator(database.dataSource()).migrate();
    var config = new HikariConfig();
    config.setDataSource(database.dataSource());
    config.setMaximumPoolSize(20);
    pool = new HikariDataSource(config);
  }

  @AfterEach
  void stop() throws InterruptedException {
    drain.begin("test");
    for (Thread thread : threads) {
      thread.join();
    }
    pool.close();
  }

  @Test
  void oneInsertIsLookedForByFew() {
    startWorkers(WORKERS);
    for (int i = 0; i < INSERTS; i++) {
      awaitRanks(WORKERS); // The one that was busy a moment ago had none.
      claims.set(0);
      database.execute("INSERT INTO cape_issues (description) VALUES ('x')");
      awaitCompleted(i + 1);
      await().pollDelay(QUIET).until(() -> true);
      assertTrue(claims.get() >= 1 && claims.get() <= MOST_CLAIMS, claims + " claims");
    }
  }

  @Test
  void asManyAsThereAreIssuesStartAtOnce() {
    startWorkers(WORKERS);
    awaitRanks(WORKERS);
    claims.set(0);
    database.execute(
        "INSERT INTO cape_issues (description) SELECT 'x' FROM generate_series(1, 20)");
    awaitCompleted(20);
    assertTrue(claims.get() < WORKERS + 20, claims + " claims");
  }

  @Test
  void issuesThatFallDueLaterAreLookedForByFew() {
    startWorkers(WORKERS);
    awaitRanks(WORKERS);
    database.execute(
        "INSERT INTO cape_issues (description, run_after) VALUES ('x', now() + interval '2 s')");
    await().pollDelay(QUIET).until(() -> true);
    claims.set(0);
    awaitCompleted(1);
    await().pollDelay(QUIET).until(() -> true);
    assertTrue(claims.get() <= MOST_CLAIMS, claims + " claims");
  }

  private void awaitCompleted(int issues) {
    await()
        .atMost(Duration.ofSeconds(30))
        .until(
            () -> database.value("SELECT count(*) FROM cape_issues WHERE status = 'completed'"),
            Integer.toString(issues)::equals);
  }

  /** Until each has beaten twice after the last one was there. */
  private void awaitRanks(int ready) {
    await()
        .atMost(Duration.ofSeconds(60))
        .until(
            () ->
                database.value(
                    "SELECT count(*) FROM cape_workers WHERE listener_up AND free_slots > 0"),
            Integer.toString(ready)::equals);
    awaitBeats();
    awaitBeats();
  }

  private void awaitBeats() {
    String since = database.value("SELECT now()");
    await()
        .atMost(Duration.ofSeconds(10))
        .until(
            () -> database.value("SELECT min(heartbeat_at) > '" + since + "' FROM cape_workers"),
            "t"::equals);
  }

  private void startWorkers(int upTo) {
    for (int i = threads.size(); i < upTo; i++) {
      IssueWorker worker = worker(new WorkerId("idle-" + i));
      var thread =
          new Thread(
              () -> {
                try {
                  assertEquals(IssueWorker.End.STOPPED, worker.run());
                } catch (InterruptedException e) {
                  Thread.currentThread().interrupt();
                }
              });
      threads.add(thread);
      thread.start();
    }
  }

  private IssueWorker worker(WorkerId id) {
    var identity = new WorkerIdentity(id, UUID.randomUUID(), "here", 1);
    var work = new Database(counting());
    var beat = new Database(pool);
    var listener =
        new IssueListener(DatabaseUrl.parse(database.url()), id.value(), beat, identity.instance());
    var stores =
        new Stores(
            new IssueRepository(work),
            new AdoptionRepository(work),
            new PauseRepository(work),
            new WorkerRepository(beat, "test"),
            Optional.of(listener));
    var loop =
        new LoopPlan(
            Duration.ofMinutes(10), 1, LEASE, LEASE, false, List.of(), List.of(), new Listeners());
    RunPlan plan = plan(id);
    var beats = new BeatClock(new LeaseTimes(LEASE, plan.grace()));
    var gate =
        new ClaimGate(drain, plan.check(), WorkerFixture.commands(), beats, loop.listeners());
    return new IssueWorker(
        identity,
        new WorkerPlan(plan, loop, WorkerFixture.endings()),
        WorkerFixture.commands(),
        stores,
        drain,
        gate,
        LifeSigns.of(ServiceManager.NONE, LEASE));
  }

  private RunPlan plan(WorkerId id) {
    return new RunPlan(
        CommandTemplate.parse("true"),
        new CommandCheck("true", directory, System.getenv("PATH")),
        Map.of(),
        Set.of(),
        directory,
        directory.resolve("issues"),
        directory.resolve("runs-" + id),
        1 << 20,
        Duration.ofSeconds(20),
        Duration.ofSeconds(1),
        true);
  }

  /** Counts the claims, whether they found something or not. */
  private DataSource counting() {
    return proxy(
        DataSource.class,
        pool,
        (result, arguments) ->
            result instanceof Connection connection
                ? proxy(
                    Connection.class,
                    connection,
                    (prepared, sql) -> {
                      if (sql != null
                          && sql[0] instanceof String text
                          && (text.contains("cape_claim_next")
                              || text.contains("cape_due_issues"))) {
                        claims.incrementAndGet();
                      }
                      return prepared;
                    })
                : result);
  }

  private interface After {
    Object apply(Object result, Object[] arguments);
  }

  private static <T> T proxy(Class<T> type, T target, After after) {
    Object proxy =
        Proxy.newProxyInstance(
            type.getClassLoader(),
            new Class<?>[] {type},
            (self, method, arguments) -> {
              try {
                return after.apply(method.invoke(target, arguments), arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
    return type.cast(proxy);
  }
}
