package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.chaos.FaultyProxy;
import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.Skip;
import com.cape.worker.testing.WorkerProcess;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the daemon serves with {@code --http}. */
@Timeout(180)
class OpsIT {
  private static final String TOKEN = "a token of some length";
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Duration OUTAGE = Duration.ofSeconds(30);
  private static final Duration POLL = Duration.ofMillis(100);
  private static final Pattern PORT = Pattern.compile("serving metrics and health .* port=(\\d+)");
  private static final Pattern SAMPLE =
      Pattern.compile("(?m)^(cape_worker_\\w+(?:\\{.*?})?) (\\S+)$");

  private static final String WORKFLOW =
      """
      case $2 in
        completed) setsid sleep 300 & sleep 301 & sleep 0.2; exit 0 ;;
        failed) exit 65 ;;
        throttled) exit 75 ;;
        timed_out) exec sleep 300 ;;
        cancelled | fenced) touch "$2"; exec sleep 300 ;;
      esac
      """;

  @TempDir private Path directory;
  private final HttpClient client = HttpClient.newHttpClient();

  @Test
  void countersAgreeWithTheTablesAfterAMixedRun() throws Exception {
    var fixture = new JarFixture(directory, WORKFLOW).migrated();
    String token = "CAPE_HTTP_TOKEN=" + TOKEN + "\n";
    Files.writeString(directory.resolve(".env"), token);
    // Of a worker that is gone, and is rescued.
    fixture.database.execute(
        "INSERT INTO cape_issues (description, status, fence, attempts) VALUES ('dead', 'started', 1, 1);"
            + " INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid,"
            + " lease_expires_at) VALUES (1, 1, 1, gen_random_uuid(), 'dead', gen_random_uuid(), 'there', 1,"
            + " now() - interval '1 minute')");
    for (String description : List.of("completed", "failed", "timed_out", "cancelled", "fenced")) {
      fixture.insert(description);
    }
    try (var worker =
        fixture.worker(
            "mixed",
            "--http=127.0.0.1:0",
            "--lease=10",
            "--concurrency=3",
            "--max-attempts=1",
            "--workflow-timeout=6")) {
      int port = port(worker);
      await().atMost(LIMIT).until(() -> Files.exists(directory.resolve("cancelled")));
      fixture.database.execute(
          "UPDATE cape_issues SET cancel_requested_at = now() WHERE description = 'cancelled'");
      await().atMost(LIMIT).until(() -> Files.exists(directory.resolve("fenced")));
      fixture.database.execute(
          "UPDATE cape_issue_attempts SET outcome = 'lost', finished_at = now() FROM cape_issues i"
              + " WHERE i.id = issue_id AND description = 'fenced'");
      fixture.awaitValue("0", "SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'running'");
      fixture.insert("throttled");
      fixture.awaitValue(
          "1", "SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'throttled'");
      awaitAnswer(port, 200, "ready", "/ready");
      assertAnswer(port, 200, "alive", "/live");
      assertEquals(401, get(port, "/metrics", "").statusCode());
      await()
          .atMost(LIMIT.multipliedBy(2))
          .until(() -> count(samples(port), "paused{reason=\"account\"}").equals("1"));

      Map<String, Double> told = samples(port);
      String mine = "SELECT count(*) FROM cape_issue_attempts WHERE worker_id = 'mixed'";
      assertEquals(fixture.database.value(mine), count(told, "claims_total"));
      assertEquals(fixture.database.value(mine), count(told, "pickup_latency_seconds_count"));
      for (String outcome :
          List.of("completed", "failed", "timed_out", "output_limit", "cancelled", "throttled")) {
        String of = mine + " AND outcome = '" + outcome + "'";
        assertEquals(
            fixture.database.value(of),
            count(told, "attempts_total{outcome=\"" + outcome + "\"}"),
            outcome);
        assertEquals(
            fixture.database.value(of),
            count(told, "run_duration_seconds_count{outcome=\"" + outcome + "\"}"),
            outcome);
      }
      assertEquals(
          fixture.database.value(
              "SELECT count(*) FROM cape_issue_attempts WHERE worker_id = 'dead' AND outcome = 'lost'"),
          count(told, "rescues_total"));
      assertEquals("1", count(told, "rescues_total"));
      assertEquals("1", count(told, "fenced_writes_total{write=\"heartbeat\"}"));
      assertEquals("1", count(told, "fenced_writes_total{write=\"settle\"}"));
      assertEquals("2", count(told, "survivors_killed_total"));
      assertEquals("0", count(told, "survivors_left_total"));
      assertTrue(told.get("cape_worker_lease_margin_ratio_count") > 0);
      for (String status : List.of("pending", "started", "failed", "cancelled")) {
        assertEquals(
            fixture.database.value(
                "SELECT count(*) FROM cape_issues WHERE status = '" + status + "'"),
            count(told, "queue_issues{status=\"" + status + "\"}"));
      }
      assertEquals("1", count(told, "listener_up"));
      assertEquals("1", count(told, "pauses_total{reason=\"requested\"}"));
      assertEquals("0", count(told, "slots_busy"));
      assertFalse(worker.output().contains(TOKEN), worker.output());
      checkWithPromtool(get(port, "/metrics", TOKEN).body());
    }
  }

  @Test
  void workerIsNotReadyWhileTheDatabaseIsAwayAndLivesAllTheSame() throws Exception {
    Path data = directory.resolve("data");
    EmbeddedPostgres server = server(data, 0);
    int databasePort = server.getPort();
    try (var proxy = new FaultyProxy(databasePort);
        WorkerProcess worker = worker(proxy.port())) {
      int port = port(worker);
      worker.awaitOutput("ready host=");
      awaitAnswer(port, 200, "ready", "/ready");
      assertTrue(samples(port).containsKey("cape_worker_queue_due_issues"));
      server.close();
      awaitAnswer(port, 503, "database", "/ready");
      assertAnswer(port, 200, "alive", "/live");
      // The pool tries for a while before it tells.
      await().atMost(OUTAGE).until(() -> count(samples(port), "database_up").equals("0"));
      await().atMost(LIMIT).until(() -> !samples(port).containsKey("cape_worker_queue_due_issues"));
      assertEquals("0", count(samples(port), "ready"));
      server = server(data, databasePort);
      awaitAnswer(port, 200, "ready", "/ready");
      await().atMost(LIMIT).until(() -> count(samples(port), "database_up").equals("1"));
      assertTrue(samples(port).get("cape_worker_outages_total") >= 1);

      proxy.hole(true);
      awaitAnswer(port, 503, "database", "/ready");
      // Some of those who ask wait for an answer that does not come.
      await()
          .during(Duration.ofSeconds(3))
          .atMost(LIMIT)
          .until(() -> get(port, "/ready", "").statusCode() == 503);
      assertAnswer(port, 200, "alive", "/live");
      proxy.hole(false);
      awaitAnswer(port, 200, "ready", "/ready");
    } finally {
      server.close();
    }
  }

  @Test
  void workerTellsThatItDrainsUntilItsRunHasEnded() throws Exception {
    var fixture = new JarFixture(directory, "touch started; until [ -e go ]; do sleep 0.05; done");
    try (var worker = fixture.worker("draining", "--http=localhost:0")) {
      int port = port(worker);
      worker.awaitOutput("ready");
      fixture.insert("an issue");
      await().atMost(LIMIT).until(() -> Files.exists(directory.resolve("started")));
      worker.signal("TERM");
      awaitAnswer(port, 503, "draining", "/ready");
      assertAnswer(port, 200, "alive", "/live");
      Files.createFile(directory.resolve("go"));
      assertEquals(0, worker.exitCode(), worker.output());
    }
  }

  @Test
  void addressThatIsTakenIsToldBeforeAnythingIsClaimed() throws Exception {
    var fixture = new JarFixture(directory, "true").migrated();
    fixture.insert("an issue");
    var elsewhere = fixture.environment(Map.of("CAPE_WORKER_ID", "lost", "CAPE_HTTP_TOKEN", TOKEN));
    try (var other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        var worker = fixture.worker("late", "--http=127.0.0.1:" + other.getLocalPort());
        var lost = WorkerProcess.start(directory, elsewhere, "--http=192.0.2.1:9464")) {
      assertEquals(75, worker.exitCode(), worker.output());
      assertTrue(
          worker
              .output()
              .contains(
                  "cannot serve on 127.0.0.1:"
                      + other.getLocalPort()
                      + ": Address already in use; stop what serves there, or choose another"),
          worker.output());
      assertFalse(worker.output().contains("\tat "), worker.output());
      assertEquals(78, lost.exitCode(), lost.output());
      assertTrue(lost.output().contains("must name an address of this host"), lost.output());
    }
    assertEquals("0", fixture.database.value("SELECT count(*) FROM cape_issue_attempts"));
  }

  private static int port(WorkerProcess worker) {
    worker.awaitOutput("serving metrics and health");
    Matcher found = PORT.matcher(worker.output());
    assertTrue(found.find(), worker.output());
    return Integer.parseInt(found.group(1));
  }

  /** Asks as long as what is wanted may take. */
  private void awaitAnswer(int port, int status, String word, String path) {
    await(path + " " + word)
        .atMost(LIMIT)
        .pollInterval(POLL)
        .until(
            () -> {
              HttpResponse<String> answer = get(port, path, "");
              return answer.statusCode() == status && answer.body().equals(word + "\n");
            });
  }

  private void assertAnswer(int port, int status, String word, String path) throws Exception {
    HttpResponse<String> answer = get(port, path, "");
    assertEquals(status + " " + word + "\n", answer.statusCode() + " " + answer.body());
  }

  private Map<String, Double> samples(int port) throws Exception {
    return SAMPLE
        .matcher(get(port, "/metrics", TOKEN).body())
        .results()
        .collect(
            Collectors.toMap(match -> match.group(1), match -> Double.valueOf(match.group(2))));
  }

  /** A whole number, zero for what has not happened. */
  private static String count(Map<String, Double> samples, String name) {
    return Long.toString(Math.round(samples.getOrDefault("cape_worker_" + name, 0.0)));
  }

  private HttpResponse<String> get(int port, String path, String token) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
    if (!token.isEmpty()) {
      request.header("Authorization", "Bearer " + token);
    }
    return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private void checkWithPromtool(String metrics) throws Exception {
    boolean found =
        Stream.of(System.getenv("PATH").split(":", -1))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "promtool")));
    if (!found) {
      Skip.because("promtool is not on the PATH");
    }
    Path file = Files.writeString(directory.resolve("metrics.txt"), metrics);
    Path said = directory.resolve("promtool.txt");
    Process promtool =
        new ProcessBuilder("promtool", "check", "metrics")
            .redirectInput(file.toFile())
            .redirectErrorStream(true)
            .redirectOutput(said.toFile())
            .start();
    assertTrue(promtool.waitFor(1, TimeUnit.MINUTES));
    // What it finds of style in the JVM's own metrics is not ours.
    List<String> findings =
        Files.readAllLines(said).stream().filter(line -> !line.startsWith("jvm_")).toList();
    assertEquals(List.of(), findings);
    assertTrue(List.of(0, 3).contains(promtool.exitValue()), "3 is for style alone");
  }

  private static EmbeddedPostgres server(Path data, int port) throws IOException {
    return EmbeddedPostgres.builder()
        .setDataDirectory(data)
        .setCleanDataDirectory(false)
        .setLocaleConfig("locale", "C")
        .setPort(port)
        .start();
  }

  private WorkerProcess worker(int databasePort) {
    return WorkerProcess.start(
        directory,
        Map.of(
            "CAPE_DATABASE_URL",
            "postgresql://postgres:postgres@127.0.0.1:" + databasePort + "/postgres",
            "CAPE_WORKER_ID",
            "watched",
            "CAPE_ADW_COMMAND",
            "true",
            "CAPE_POLL_INTERVAL",
            "1"),
        "--http=127.0.0.1:0");
  }
}
