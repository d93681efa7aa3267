package com.cape.worker.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.HttpAddress;
import com.cape.worker.config.HttpSettings;
import com.cape.worker.host.CommandCheck;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.store.Database;
import com.cape.worker.testing.TestDatabase;
import com.cape.worker.worker.ClaimGate;
import com.cape.worker.worker.state.BeatClock;
import com.cape.worker.worker.state.Drain;
import com.cape.worker.worker.state.LeaseTimes;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.WorkerListener;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Tag("database")
@Timeout(60)
class OpsServerTest {
  private static final String TOKEN = "a token of some length";

  private final HttpClient client = HttpClient.newHttpClient();
  private final TestDatabase database = TestDatabase.createMigrated();
  private final Drain drain = new Drain();
  private volatile boolean alive = true;
  private static final LeaseTimes TIMES =
      new LeaseTimes(Duration.ofMinutes(5), Duration.ofSeconds(10));
  private static final CommandRunner RUNNER = new CommandRunner(Path.of("/usr/bin/perl"), Set.of());

  @TempDir private Path directory;
  private final Listeners listeners = new Listeners();
  private CommandCheck check;
  private OpsServer server;

  @BeforeEach
  void start() throws IOException {
    Path command = Files.copy(Path.of("/bin/true"), directory.resolve("adw"));
    check = new CommandCheck(command.toString(), directory, "/bin");
    server = server(Optional.empty());
  }

  private OpsServer server(Optional<String> token) throws IOException {
    return new OpsServer(
        new HttpSettings(new HttpAddress("127.0.0.1", 0), token),
        new WorkerMetrics.About(new WorkerId("alice"), "1.2", 3, Duration.ofMinutes(5)),
        () -> alive,
        new ClaimGate(drain, check, RUNNER, new BeatClock(TIMES), listeners),
        listeners,
        // A pooler would keep sessions that do not know of a new default.
        () -> new Database(database.direct().dataSource()));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void workerWhoseLoopIsFrozenIsNotLive() throws Exception {
    assertAnswer(200, "alive", "/live");
    alive = false;
    assertAnswer(503, "stuck", "/live");
  }

  @Test
  void workerIsReadyOnceItIsRegistered() throws Exception {
    assertAnswer(503, "starting", "/ready");
    listeners.announce(WorkerListener::ready);
    assertAnswer(200, "ready", "/ready");
  }

  @Test
  void workerThatDrainsIsNotReady() throws Exception {
    listeners.announce(WorkerListener::ready);
    drain.beginPatiently("test");
    assertAnswer(503, "draining", "/ready");
    assertAnswer(200, "alive", "/live");
  }

  @Test
  void workerWithoutItsCommandIsNotReady() throws Exception {
    listeners.announce(WorkerListener::ready);
    Path moved = Files.move(directory.resolve("adw"), directory.resolve("away"));
    assertAnswer(503, "command", "/ready");
    Files.move(moved, directory.resolve("adw"));
    assertAnswer(200, "ready", "/ready");
  }

  @Test
  void workerWhoseDatabaseTakesNoWritesIsNotReady() throws Exception {
    listeners.announce(WorkerListener::ready);
    database.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
            + " current_database()); END $$");
    assertAnswer(503, "database", "/ready");
  }

  @Test
  void metricsNeedTheTokenAndHealthDoesNot() throws Exception {
    try (OpsServer guarded = server(Optional.of(TOKEN))) {
      assertEquals(401, get(guarded, "/metrics", Optional.empty()).statusCode());
      assertEquals(401, get(guarded, "/metrics", Optional.of(TOKEN + "x")).statusCode());
      HttpResponse<String> metrics = get(guarded, "/metrics", Optional.of(TOKEN));
      assertEquals(200, metrics.statusCode());
      assertEquals(
          "text/plain; version=0.0.4; charset=utf-8",
          metrics.headers().firstValue("Content-Type").orElseThrow());
      assertTrue(metrics.body().contains("cape_worker_claims_total 0.0\n"), metrics.body());
      assertEquals(200, get(guarded, "/live", Optional.empty()).statusCode());
      assertEquals(503, get(guarded, "/ready", Optional.empty()).statusCode());
    }
  }

  @Test
  void metricsOfTheQueueAreAbsentWhileItCannotBeRead() throws Exception {
    database.execute("ALTER TABLE cape_issues RENAME TO away");
    String metrics = get(server, "/metrics", Optional.empty()).body();
    assertFalse(metrics.contains("\ncape_worker_queue"), metrics);
    assertTrue(metrics.contains("\ncape_worker_paused{reason=\"start\"} 0.0\n"), metrics);
    assertFalse(metrics.contains("reason=\"fleet\""), metrics);
    assertTrue(metrics.contains("\ncape_worker_claims_total 0.0\n"), metrics);
  }

  private void assertAnswer(int status, String word, String path) throws Exception {
    HttpResponse<String> answer = get(server, path, Optional.empty());
    assertEquals(status + " " + word + "\n", answer.statusCode() + " " + answer.body());
  }

  private HttpResponse<String> get(OpsServer asked, String path, Optional<String> token)
      throws IOException, InterruptedException {
    var uri = URI.create("http://127.0.0.1:" + asked.address().getPort() + path);
    HttpRequest.Builder request = HttpRequest.newBuilder(uri);
    token.ifPresent(word -> request.header("Authorization", "Bearer " + word));
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }
}
