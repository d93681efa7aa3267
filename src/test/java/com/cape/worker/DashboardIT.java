package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.RawHttp;
import com.cape.worker.testing.WorkerProcess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The command, as people start it. */
@Tag("database")
@Timeout(120)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class DashboardIT {
  private static final Pattern SERVED =
      Pattern.compile("dashboard: http://127\\.0\\.0\\.1:(\\d+)/");
  private static final String ENOUGH = "0123456789abcdef";

  @TempDir private static Path directory;
  private static JarFixture fixture;
  private static WorkerProcess dashboard;
  private static InetSocketAddress address;
  private static SlowClients slow;

  @BeforeAll
  static void start() throws Exception {
    fixture = new JarFixture(directory, "true");
    fixture.migrated();
    Path logs = Files.createDirectories(directory.resolve("logs/issues/1"));
    Path output = Files.writeString(logs.resolve("attempt-1-1.log"), "x".repeat(250_000) + "\n");
    fixture.database.execute(
        """
        INSERT INTO cape_issues (description, status) VALUES ('a', 'failed');
        INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid,
               lease_expires_at, finished_at, outcome, log_file)
        VALUES (1, 1, 1, gen_random_uuid(), 'w', gen_random_uuid(), '%s', 1, now(), now(), 'failed', '%s')
        """
            .formatted(Files.readString(Path.of("/proc/sys/kernel/hostname")).strip(), output));
    dashboard = dashboard(Map.of(), "--http", "127.0.0.1:0");
    address = served(dashboard);
    slow = new SlowClients(address);
  }

  @AfterAll
  static void stop() throws IOException {
    slow.close();
    dashboard.close();
  }

  private static WorkerProcess dashboard(Map<String, String> environment, String... arguments) {
    String[] command = new String[arguments.length + 1];
    command[0] = "dashboard";
    System.arraycopy(arguments, 0, command, 1, arguments.length);
    return WorkerProcess.start(directory, fixture.environment(environment), command);
  }

  private static InetSocketAddress served(WorkerProcess process) {
    process.awaitOutput("dashboard: http://");
    Matcher found = SERVED.matcher(process.output());
    assertTrue(found.find(), process.output());
    return new InetSocketAddress(
        InetAddress.getLoopbackAddress(), Integer.parseInt(found.group(1)));
  }

  private static String get(String path) throws IOException {
    return RawHttp.ask(address, "GET", path, "").body();
  }

  @Test
  void sayWhereItIsServedAndWhereOutputIsLookedFor() throws Exception {
    String said = dashboard.output();
    assertEquals(1, said.lines().count(), said);
    assertTrue(said.endsWith("; output files: " + directory.resolve("logs") + "\n"), said);
    assertTrue(get("/api/overview").contains("\"failed\":1"));
    assertTrue(get("/api/issues/1").contains("\"attempts\":[{\"attempt\":1,"));
    assertTrue(get("/api/issues/1/output?fence=1").contains("\"available\":\"file\""));
  }

  @ParameterizedTest
  @CsvSource({"TERM", "INT"})
  void signalEndsItInOrder(String signal) throws Exception {
    try (WorkerProcess own = dashboard(Map.of(), "--http", "127.0.0.1:0")) {
      served(own);
      own.signal(signal);
      assertTrue(own.ended(Duration.ofSeconds(10)));
      assertEquals(0, own.exitCode(), own.output());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--http 0.0.0.0:0 | '' | 78 | can be reached from other hosts: set CAPE_HTTP_TOKEN to a secret of at least 16 characters",
        "--http 127.0.0.1:0 | short | 78 | CAPE_HTTP_TOKEN (environment): must have at least 16 characters",
        "--http 8080 | '' | 2 | --http '8080' must be HOST:PORT, for instance 127.0.0.1:8080",
        "--http | '' | 2 | --http",
        "--htpt x | '' | 2 | did you mean '--http'?"
      })
  void wrongSettingsAreOneLine(String arguments, String token, int exitCode, String said)
      throws Exception {
    try (WorkerProcess ran = dashboard(Map.of("CAPE_HTTP_TOKEN", token), arguments.split(" "))) {
      assertEquals(exitCode, ran.exitCode(), ran.output());
      assertTrue(ran.output().replace("\n             ", " ").contains(said), ran.output());
      assertFalse(ran.output().contains("\tat "), ran.output());
    }
  }

  @Test
  void addressThatCannotBeHadIsNamed() throws Exception {
    try (var taken = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        WorkerProcess ran = dashboard(Map.of(), "--http", "127.0.0.1:" + taken.getLocalPort())) {
      assertEquals(75, ran.exitCode(), ran.output());
      assertEquals(
          "cape-worker: cannot serve on 127.0.0.1:%d: Address already in use; stop what serves there, or choose another address with --http\n"
              .formatted(taken.getLocalPort()),
          ran.output());
    }
    // Of a network that is for documentation only.
    Map<String, String> token = Map.of("CAPE_HTTP_TOKEN", ENOUGH);
    try (WorkerProcess ran = dashboard(token, "--http", "192.0.2.1:0")) {
      assertEquals(78, ran.exitCode(), ran.output());
      assertTrue(ran.output().contains("--http must name an address of this host"), ran.output());
    }
  }

  @Test
  void databaseThatCannotBeUsedIsNamed() throws Exception {
    String server = fixture.database.url().replaceFirst("/[^/]*$", "/");
    Map<String, String> wrong = new HashMap<>();
    wrong.put(server + "no_such_database", "no_such_database");
    wrong.put(server + "template1", "'cape-worker migrate' brings the schema up to date");
    for (Map.Entry<String, String> url : wrong.entrySet()) {
      try (WorkerProcess ran =
          dashboard(Map.of("CAPE_DATABASE_URL", url.getKey()), "--http", "127.0.0.1:0")) {
        assertEquals(78, ran.exitCode(), ran.output());
        assertTrue(ran.output().contains(url.getValue()), ran.output());
      }
    }
  }

  @Test
  void databaseThatIsAwayIsToldOnThePage() throws Exception {
    Map<String, String> away = Map.of("CAPE_DATABASE_URL", "postgresql://u:s3cr3t@127.0.0.1:1/x");
    try (WorkerProcess own = dashboard(away, "--http", "127.0.0.1:0")) {
      InetSocketAddress there = served(own);
      assertEquals(200, RawHttp.ask(there, "GET", "/api/session", "").status());
      RawHttp.Answer overview = RawHttp.ask(there, "GET", "/api/overview", "");
      assertEquals(200, overview.status());
      assertTrue(
          overview
              .body()
              .startsWith("{\"database_ok\":false,\"error\":\"127.0.0.1:1 refused the connection"),
          overview.body());
      assertEquals(503, RawHttp.ask(there, "GET", "/api/issues", "").status());
      assertFalse(overview.body().contains("s3cr3t") || own.output().contains("s3cr3t"));
    }
  }

  @Test
  void tokenOfTheEnvironmentOrTheEnvFileIsAskedFor() throws Exception {
    Files.writeString(directory.resolve("with-token.env"), "CAPE_HTTP_TOKEN=" + ENOUGH + "\n");
    try (WorkerProcess own =
        dashboard(Map.of(), "--http", "127.0.0.1:0", "--env-file", "with-token.env")) {
      InetSocketAddress there = served(own);
      assertEquals(401, RawHttp.ask(there, "GET", "/api/overview", "").status());
      String origin = "Origin: http://127.0.0.1:" + there.getPort();
      RawHttp.Answer in = RawHttp.ask(there, "POST", "/login", "token=" + ENOUGH, origin);
      String cookie = "Cookie: " + in.header("Set-Cookie").replaceFirst(";.*", "");
      assertEquals(200, RawHttp.ask(there, "GET", "/api/overview", "", cookie).status());
      assertFalse(own.output().contains(ENOUGH), own.output());
    }
  }

  /** Last, as it takes longest: the slow ones are at it since the beginning. */
  @Test
  @Order(Integer.MAX_VALUE)
  void slowClientsAreCutOff() throws Exception {
    slow.awaitCutOff();
    assertEquals(200, RawHttp.ask(address, "GET", "/api/session", "").status());
  }

  /** Each is slow in another way, for as long as the server lets it. */
  private static final class SlowClients implements AutoCloseable {
    private static final Duration REQUEST = Duration.ofSeconds(10);
    private static final Duration RESPONSE = Duration.ofSeconds(30);
    private static final Duration MARGIN = Duration.ofSeconds(20);
    private static final String POST =
        String.join(
            "\r\n",
            "POST /login HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/x-www-form-urlencoded",
            "Origin: http://localhost",
            "");

    private final long start = System.nanoTime();
    private final RawHttp silent;
    private final RawHttp header;
    private final RawHttp body;
    private final RawHttp chunks;
    private final RawHttp deaf;
    private final CompletableFuture<Duration> silentEnded;
    private final CompletableFuture<Duration> headerEnded;
    private final CompletableFuture<Duration> bodyEnded;
    private final CompletableFuture<Duration> chunksEnded;
    private final CompletableFuture<Duration> deafEnded;

    private SlowClients(InetSocketAddress address) throws IOException {
      silent = new RawHttp(address);
      header = new RawHttp(address);
      body = new RawHttp(address);
      chunks = new RawHttp(address);
      deaf = RawHttp.narrow(address);
      header.send("GET /api/session HTTP/1.1\r\nHost: localhost\r\nX-Drip: ");
      body.send(POST + "Content-Length: 1000\r\n\r\n");
      chunks.send(POST + "Transfer-Encoding: chunked\r\n\r\n");
      silentEnded = CompletableFuture.supplyAsync(() -> ended(silent));
      headerEnded = CompletableFuture.supplyAsync(() -> dripped(header, "x"));
      bodyEnded = CompletableFuture.supplyAsync(() -> dripped(body, "x"));
      chunksEnded = CompletableFuture.supplyAsync(() -> dripped(chunks, "1\r\nx\r\n"));
      deafEnded = CompletableFuture.supplyAsync(() -> asked(deaf));
    }

    private Duration ended(RawHttp http) {
      try {
        assertTrue(http.endedByServer(RESPONSE));
      } catch (IOException e) {
        // That is the end.
      }
      return Duration.ofNanos(System.nanoTime() - start);
    }

    private Duration dripped(RawHttp http, String drop) {
      await()
          .atMost(RESPONSE.plus(MARGIN))
          .pollInterval(Duration.ofMillis(200))
          .until(() -> !sent(http, drop));
      return Duration.ofNanos(System.nanoTime() - start);
    }

    /** Asks again and again, and takes no answer. */
    private Duration asked(RawHttp http) {
      String request = http.request("GET", "/api/issues/1/output?fence=1&from=0", "");
      await()
          .atMost(RESPONSE.multipliedBy(2))
          .pollInterval(Duration.ofMillis(200))
          .until(() -> !sent(http, request));
      return Duration.ofNanos(System.nanoTime() - start);
    }

    private static boolean sent(RawHttp http, String text) {
      try {
        http.send(text);
        return true;
      } catch (IOException e) {
        return false;
      }
    }

    private void awaitCutOff() throws Exception {
      for (CompletableFuture<Duration> ended :
          List.of(silentEnded, headerEnded, bodyEnded, chunksEnded)) {
        Duration after = ended.get(60, TimeUnit.SECONDS);
        assertTrue(after.compareTo(REQUEST.plus(MARGIN)) < 0, "cut off after " + after);
      }
      // As it goes on to ask, the limit of a request may come first.
      Duration after = deafEnded.get(90, TimeUnit.SECONDS);
      assertTrue(after.compareTo(RESPONSE.plus(MARGIN)) < 0, "cut off after " + after);
    }

    @Override
    public void close() throws IOException {
      for (RawHttp http : List.of(silent, header, body, chunks, deaf)) {
        http.close();
      }
    }
  }
}
