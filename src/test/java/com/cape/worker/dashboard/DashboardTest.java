package com.cape.worker.dashboard;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.store.Database;
import com.cape.worker.store.read.History;
import com.cape.worker.testing.RawHttp;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the page is told, and what it may change. */
@Tag("database")
@Timeout(60)
class DashboardTest {
  private static final Pattern ID = Pattern.compile("\\{\"id\":(\\d+)");

  @TempDir private static Path logs;
  private static DashboardFixture fixture;

  @BeforeAll
  static void start() throws IOException {
    fixture = new DashboardFixture(logs, Optional.empty());
  }

  @AfterAll
  static void stop() {
    fixture.close();
  }

  @BeforeEach
  void clean() throws IOException {
    fixture.database.execute(
        "TRUNCATE cape_issues, cape_issue_attempts, cape_workers, cape_pauses RESTART IDENTITY");
    // Answers that were kept are forgotten with it.
    fixture.post("/api/resume", "");
  }

  private void issues(String values) {
    fixture.database.execute("INSERT INTO cape_issues (description, status) VALUES " + values);
  }

  private String value(String sql) {
    return fixture.database.value(sql);
  }

  private List<Long> ids(String query) throws IOException {
    return ID.matcher(fixture.json("/api/issues" + query))
        .results()
        .map(found -> Long.valueOf(found.group(1)))
        .toList();
  }

  @Test
  void sessionTellsWhatThePageNeeds() throws Exception {
    String session = fixture.json("/api/session");
    assertEquals(43, DashboardFixture.field("csrf", session).length());
    assertEquals("1.2.3", DashboardFixture.field("version", session));
    assertEquals("false", DashboardFixture.field("login", session));
    assertEquals("1000", DashboardFixture.field("poll_ms", session));
  }

  @Test
  void overviewTellsWhatStatusTells() throws Exception {
    issues("('a', 'pending'), ('b', 'failed'), ('c', 'started')");
    fixture.database.execute(
        """
        UPDATE cape_issues SET fence = 1 WHERE id = 3;
        INSERT INTO cape_workers (worker_id, instance, host, pid, version, state) VALUES ('w', gen_random_uuid(), 'here', 1, '1', 'working')
        """);
    fixture.attempt(3, 1, "running", "here", "/x");
    String json = fixture.json("/api/overview");
    assertTrue(json.startsWith("{\"database_ok\":true,\"as_of\":\"20"), json);
    assertTrue(
        json.contains("\"issues\":{\"pending\":1,\"due\":1,\"retrying\":0,\"started\":1,"), json);
    assertTrue(json.contains("\"runs\":[{\"issue_id\":3,\"attempt\":1,"), json);
    double margin = Double.parseDouble(DashboardFixture.field("lease_margin_seconds", json));
    assertTrue(margin > 290 && margin < 300, json);
  }

  @Test
  void endingsAreCountedByTheHourAndTheMinute() throws Exception {
    issues("('a', 'completed')");
    for (String outcome :
        List.of(
            "completed",
            "failed",
            "timed_out",
            "output_limit",
            "lost",
            "cancelled",
            "interrupted",
            "throttled",
            "not_started",
            "running")) {
      fixture.attempt(1, outcome.hashCode(), outcome, "here", "/x");
    }
    fixture.database.execute(
        """
        INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid,
               started_at, lease_expires_at, finished_at, outcome)
        SELECT 1, 1, -n, gen_random_uuid(), 'w', gen_random_uuid(), 'here', 1,
               now() - n * interval '1 hour', now(), now() - n * interval '1 hour', 'completed'
          FROM generate_series(1, 60) AS n
        """);
    String json = charts();
    String hours = json.substring(json.indexOf("\"hours\":["), json.indexOf("],\"minutes\""));
    String minutes = json.substring(json.indexOf("\"minutes\":["), json.indexOf("],\"pickup\""));
    assertEquals(24, hours.split("\"at\"").length - 1, hours);
    assertEquals(60, minutes.split("\"at\"").length - 1, minutes);
    assertTrue(hours.endsWith("\"completed\":1,\"failed\":4,\"cancelled\":1,\"other\":3}"), hours);
    assertTrue(
        minutes.contains("\"completed\":1,\"failed\":4,\"cancelled\":1,\"other\":3}"), minutes);
    assertEquals(23, hours.split("\"completed\":1,\"failed\":0").length - 1, hours);
    assertTrue(fixture.json("/api/overview").contains("\"hours\":["));
  }

  /** As the page is told, but at once: the dashboard reads the history as seldom as it is slow. */
  private static String charts() {
    DatabaseUrl url = DatabaseUrl.parse(fixture.database.url());
    try (Database database = Database.single(url, "charts", Duration.ofSeconds(15))) {
      History history = History.read(database);
      return new Charts(history, history.now()).json().toString();
    }
  }

  @Test
  void pickUpIsFromDueToTheFirstClaim() throws Exception {
    assertEquals("null", DashboardFixture.field("pickup", charts()));
    issues("('a', 'completed'), ('b', 'completed'), ('again', 'pending')");
    fixture.database.execute(
        "UPDATE cape_issues SET fence = 1, run_after = now() - id * interval '10 s'");
    for (int id = 1; id <= 3; id++) {
      fixture.attempt(id, id == 3 ? 7 : 1, "completed", "here", "/x");
    }
    String json = charts();
    assertEquals(10, Math.round(Double.parseDouble(DashboardFixture.field("p50", json))), json);
    assertEquals(20, Math.round(Double.parseDouble(DashboardFixture.field("p95", json))), json);
  }

  @Test
  void overviewIsReadOnceForAllPagesAndNotAtAllWithoutOne() throws Exception {
    Set<String> read = new HashSet<>();
    long start = System.nanoTime();
    for (int i = 0; i < 50; i++) {
      read.add(asOf());
    }
    long seconds = Duration.ofNanos(System.nanoTime() - start).toSeconds();
    assertTrue(read.size() <= seconds + 2, read.size() + " times in " + seconds + " s");
    issues("('a', 'pending')");
    await()
        .atMost(Duration.ofSeconds(10))
        .until(() -> fixture.json("/api/overview").contains("\"pending\":1"));
  }

  private String asOf() throws IOException {
    return DashboardFixture.field("as_of", fixture.json("/api/overview"));
  }

  @Test
  void issuesAreListedPageByPage() throws Exception {
    fixture.database.execute(
        "INSERT INTO cape_issues (description) SELECT 'issue ' || n FROM generate_series(1, 120) AS n");
    String first = fixture.json("/api/issues");
    assertEquals(50, ID.matcher(first).results().count());
    assertEquals("71", DashboardFixture.field("next", first));
    assertEquals(70L, ids("?after=71").get(0));
    String last = fixture.json("/api/issues?after=21");
    assertEquals("null", DashboardFixture.field("next", last));
    assertEquals("null", DashboardFixture.field("searched_until", last));
    assertEquals(List.of(1L, 2L, 3L), ids("?sort=oldest&limit=3"));
    assertEquals(List.of(4L, 5L), ids("?sort=oldest&limit=2&after=3"));
    assertEquals(List.of(), ids("?sort=oldest&after=120"));
  }

  @Test
  void queueIsListedInItsOrderPageByPage() throws Exception {
    fixture.database.execute(
        """
        INSERT INTO cape_issues (description, priority, run_after)
        SELECT 'x', n % 3, CASE n WHEN 10 THEN '-infinity' WHEN 11 THEN 'infinity'
                                ELSE now() - (n / 4) * interval '1 s' END FROM generate_series(1, 40) AS n;
        INSERT INTO cape_issues (description, status) VALUES ('y', 'completed')
        """);
    String expected =
        value(
            "SELECT string_agg(id::text, ',' ORDER BY priority DESC, run_after, id) FROM cape_issues WHERE status = 'pending'");
    StringBuilder all = new StringBuilder();
    String after = "";
    for (int page = 0; page < 20 && !after.equals("null"); page++) {
      String json = fixture.json("/api/issues?sort=queue&limit=7&after=" + encoded(after));
      all.append(
          ID.matcher(json)
              .results()
              .map(found -> found.group(1) + ",")
              .collect(Collectors.joining()));
      after = DashboardFixture.field("next", json);
    }
    assertEquals(expected + ",", all.toString());
    assertEquals(
        List.of("2"),
        List.of(
            value(
                "SELECT string_agg(DISTINCT priority::text, ',') FROM cape_issues WHERE id IN (%s)"
                    .formatted(
                        ids("?sort=queue&priority=2").stream()
                            .map(String::valueOf)
                            .collect(Collectors.joining(","))))));
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  @Test
  void issuesAreFiltered() throws Exception {
    issues(
        "('Alpha', 'pending'), ('beta 50% off', 'failed'), ('gamma_1', 'cancelled'), ('back\\slash', 'completed'), ('alphabet', 'failed')");
    fixture.database.execute(
        "UPDATE cape_issues SET assigned_worker_id = 'w-1', priority = 5 WHERE id IN (2, 4)");
    assertEquals(List.of(5L, 2L), ids("?status=failed"));
    assertEquals(List.of(5L, 3L, 2L), ids("?status=failed,cancelled"));
    assertEquals(List.of(4L, 2L), ids("?worker=w-1"));
    assertEquals(List.of(2L), ids("?worker=w-1&status=failed"));
    assertEquals(List.of(4L, 2L), ids("?priority=5"));
    assertEquals(List.of(5L, 1L), ids("?q=ALPHA"));
    assertEquals(List.of(5L), ids("?q=alpha&status=failed"));
    assertEquals(List.of(1L), ids("?q=alpha&sort=queue"));
    assertEquals(List.of(2L), ids("?q=50%25"));
    assertEquals(List.of(3L), ids("?q=a_1"));
    assertEquals(List.of(4L), ids("?q=" + encoded("k\\s")));
    assertEquals(List.of(2L), ids("?q=+2+"), "an id");
    assertEquals(List.of(2L), ids("?q=%25"), "no wildcard");
  }

  @Test
  void numberFindsTheIssueOfThatIdFirst() throws Exception {
    issues("('see 3', 'pending'), ('x', 'pending'), ('y', 'completed'), ('also 3', 'pending')");
    assertEquals(List.of(3L, 4L, 1L), ids("?q=3"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "status=done",
        "sort=best",
        "worker=-",
        "priority=high",
        "after=x",
        "after=1~2~x",
        "after=1~0~2026-13-45+00:00:00%2B00",
        "limit=many",
        "sort=queue&status=failed",
        "after=99999999999999999999"
      })
  void whatCannotBeListedIsSaid(String query) throws Exception {
    String sort = query.contains("~") ? "&sort=queue" : "";
    RawHttp.Answer answer = fixture.get("/api/issues?" + query + sort);
    assertEquals(400, answer.status(), answer.body());
    assertTrue(answer.body().startsWith("{\"error\":\""), answer.body());
  }

  @Test
  void oneIssueIsToldWithItsAttempts() throws Exception {
    issues("('a', 'completed')");
    for (int fence = 1; fence <= 53; fence++) {
      fixture.attempt(1, fence, "failed", "here", "/x");
    }
    String json = fixture.json("/api/issues/1");
    assertTrue(json.contains("\"issue\":{\"id\":1,\"status\":\"completed\""), json);
    assertEquals(
        "53", DashboardFixture.field("fence", json.substring(json.indexOf("attempts\":["))));
    assertEquals("3", DashboardFixture.field("more", json));
    for (String path :
        List.of(
            "/api/issues/2",
            "/api/issues/0",
            "/api/issues/x",
            "/api/issues/1/x",
            "/api/issues/",
            "/api/issues/1/output/x",
            "/api/issues/99999999999999999999")) {
      RawHttp.Answer answer = fixture.get(path);
      assertEquals(404, answer.status(), path);
      assertTrue(answer.body().startsWith("{\"error\":\""), answer.body());
    }
  }

  @Test
  void hostileTextIsOnlyEverAStringOfJson() throws Exception {
    fixture.database.execute(
        """
        INSERT INTO cape_issues (description, status, last_error)
        VALUES (E'</script><script>alert(1)</script>"\\x1b[31m\\u202e\\u0001\\u2028', 'failed', 'postgresql://u:s3cr3t@h/d')
        """);
    for (String path : List.of("/api/issues", "/api/issues/1")) {
      RawHttp.Answer answer = fixture.get(path);
      assertEquals("application/json; charset=utf-8", answer.header("Content-Type"));
      assertEquals("nosniff", answer.header("X-Content-Type-Options"));
      assertTrue(
          answer
              .body()
              .contains("</script><script>alert(1)</script>\\\"\\u001b[31m\\u202e\\u0001\\u2028\""),
          answer.body());
      assertFalse(answer.body().contains("s3cr3t"), answer.body());
    }
  }

  @Test
  void hugeDescriptionIsCut() throws Exception {
    fixture.database.execute(
        "INSERT INTO cape_issues (description) VALUES (repeat('x', 10000000))");
    String json = fixture.json("/api/issues/1");
    assertEquals("10000000", DashboardFixture.field("description_length", json));
    assertTrue(json.length() < 110_000, json.length() + " characters");
    assertTrue(fixture.json("/api/issues").length() < 2000);
  }

  @Test
  void issueIsSubmitted() throws Exception {
    RawHttp.Answer answer =
        fixture.post(
            "/api/submit", "description=%C5%BC%C3%B3%C5%82w+%F0%9F%9A%80%0A%0A&priority=-3");
    assertEquals(200, answer.status(), answer.body());
    assertEquals("{\"done\":true,\"message\":\"issue 1 is submitted\",\"id\":1}", answer.body());
    assertEquals("żółw 🚀|-3", value("SELECT description || '|' || priority FROM cape_issues"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "description=",
        "description=+%0A",
        "description=a%00b",
        "description=x&priority=40000",
        "description=x&priority=-40000",
        "description=x&priority=high",
        "description=%ZZ"
      })
  void whatCannotBeSubmittedIsSaid(String form) throws Exception {
    RawHttp.Answer answer = fixture.post("/api/submit", form);
    assertEquals(400, answer.status(), answer.body());
    assertEquals("0", value("SELECT count(*) FROM cape_issues"));
  }

  @Test
  void loneSurrogateIsKeptAsWhatItIsReadAs() throws Exception {
    assertEquals(200, fixture.post("/api/submit", "description=a%ED%A0%80b%FFc").status());
    assertTrue(value("SELECT description FROM cape_issues").matches("a\uFFFD+b\uFFFDc"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "failed | retry | 200 | issue 1 is pending | pending",
        "cancelled | retry | 200 | issue 1 is pending | pending",
        "pending | retry | 409 | issue 1 is due already | pending",
        "completed | retry | 409 | issue 1 is completed; submit it anew | completed",
        "started | retry | 409 | issue 1 was started by somebody else; make sure that it runs no more, then take it back | started",
        "pending | cancel | 200 | issue 1 is cancelled | cancelled",
        "failed | cancel | 409 | issue 1 has ended | failed",
        "cancelled | cancel | 200 | issue 1 is cancelled already | cancelled",
        "started | cancel | 409 | issue 1 was started by somebody else, whom Cape cannot stop | started",
        "odd | retry | 409 | issue 1 has a status that is not Cape's; 'show 1' shows it | odd",
        "odd | cancel | 409 | issue 1 has a status that is not Cape's; 'show 1' shows it | odd"
      })
  void issueIsRetriedAndCancelledAsTheCommandsDo(
      String status, String action, int answered, String said, String becomes) throws Exception {
    issues("('a', '%s')".formatted(status));
    RawHttp.Answer answer = fixture.post("/api/issues/1/" + action, "");
    assertEquals(answered, answer.status(), answer.body());
    assertTrue(answer.body().contains(said), answer.body());
    assertEquals(becomes, value("SELECT status FROM cape_issues"));
  }

  @Test
  void whatSomebodyElseStartedIsTakenBackByForce() throws Exception {
    issues("('a', 'started')");
    assertEquals(200, fixture.post("/api/issues/1/retry", "force=true").status());
    assertEquals("pending", value("SELECT status FROM cape_issues"));
    assertEquals(404, fixture.post("/api/issues/2/retry", "").status());
    assertEquals(404, fixture.post("/api/issues/2/cancel", "").status());
    assertEquals(404, fixture.post("/api/issues/1/delete", "").status());
  }

  @Test
  void changeIsSeenAtOnce() throws Exception {
    issues("('a', 'failed')");
    assertTrue(fixture.json("/api/issues/1").contains("\"status\":\"failed\""));
    assertTrue(fixture.json("/api/overview").contains("\"failed\":1"));
    assertEquals(200, fixture.post("/api/issues/1/retry", "").status());
    assertTrue(fixture.json("/api/issues/1").contains("\"status\":\"pending\""));
    assertTrue(fixture.json("/api/overview").contains("\"pending\":1"));
  }

  @Test
  void fleetAndWorkersArePausedAndResumed() throws Exception {
    fixture.database.execute(
        "INSERT INTO cape_workers (worker_id, instance, host, pid, version, state) VALUES ('w', gen_random_uuid(), 'here', 1, '1', 'idle')");
    RawHttp.Answer paused = fixture.post("/api/pause", "reason=deploy&minutes=5");
    assertTrue(paused.body().contains("the fleet is paused until 20"), paused.body());
    assertEquals(
        "*|deploy|5",
        value(
            "SELECT scope || '|' || reason || '|' || round(extract(epoch FROM paused_until - now()) / 60) FROM cape_pauses"));
    assertTrue(
        fixture
            .post("/api/pause", "worker=w")
            .body()
            .contains("worker w is paused until it is resumed"));
    assertEquals(409, fixture.post("/api/pause", "worker=nobody").status());
    for (String wrong :
        List.of(
            "minutes=0",
            "minutes=x",
            "minutes=-5",
            "minutes=999999999",
            "worker=%20",
            "reason=" + "x".repeat(1001))) {
      assertEquals(400, fixture.post("/api/pause", wrong).status(), wrong);
    }
    assertTrue(fixture.post("/api/resume", "").body().contains("the fleet is resumed"));
    assertTrue(fixture.post("/api/resume", "worker=w").body().contains("worker w is resumed"));
    assertEquals(409, fixture.post("/api/resume", "").status());
    assertEquals("0", value("SELECT count(*) FROM cape_pauses"));
  }

  @Test
  void searchInManyLongDescriptionsGoesOnWhereItStopped() throws Exception {
    fixture.database.execute(
        """
        ALTER TABLE cape_issues DISABLE TRIGGER USER;
        INSERT INTO cape_issues (description, status)
        SELECT CASE n WHEN 7 THEN 'needle' ELSE repeat(md5(n::text), 30) END, 'completed' FROM generate_series(1, 60000) AS n
        """);
    String query = "/api/issues?q=needle";
    String after = "";
    int pages = 0;
    String json = "";
    while (!after.equals("null") && pages < 1000) {
      json = fixture.json(query + "&after=" + after);
      after = DashboardFixture.field("next", json);
      assertEquals(after, DashboardFixture.field("searched_until", json));
      pages++;
    }
    assertTrue(json.contains("needle"), json);
  }

  @Test
  void databaseThatFailsIsSaidAndTheLastThatIsKnownIsKept() throws Exception {
    issues("('a', 'failed')");
    assertTrue(fixture.json("/api/overview").contains("\"database_ok\":true"));
    fixture.database.execute("ALTER TABLE cape_issues RENAME TO elsewhere");
    await()
        .atMost(Duration.ofSeconds(5))
        .until(() -> fixture.json("/api/overview").contains("\"database_ok\":false"));
    String json = fixture.json("/api/overview");
    assertTrue(json.contains("cape_issues"), json);
    assertTrue(json.contains("\"failed\":1"), json);
    assertEquals(503, fixture.get("/api/issues").status());
    fixture.database.execute("ALTER TABLE elsewhere RENAME TO cape_issues");
    await()
        .atMost(Duration.ofSeconds(5))
        .until(() -> fixture.json("/api/overview").contains("\"database_ok\":true"));
    // An answer is kept for at most 5 s.
    await().atMost(Duration.ofSeconds(10)).until(() -> fixture.get("/api/issues").status() == 200);
  }

  @Test
  void databaseThatHangsKeepsNobodyWaiting() throws Exception {
    issues("('a', 'failed')");
    assertTrue(fixture.json("/api/overview").contains("\"failed\":1"));
    try (Connection connection = fixture.database.dataSource().getConnection();
        Statement statement = connection.createStatement()) {
      connection.setAutoCommit(false);
      statement.execute("LOCK TABLE cape_issues");
      CompletableFuture<Duration> issues = CompletableFuture.supplyAsync(this::answeredAfter);
      await()
          .atMost(Duration.ofSeconds(8))
          .until(
              () -> {
                long start = System.nanoTime();
                String json = fixture.json("/api/overview");
                assertTrue(System.nanoTime() - start < Duration.ofSeconds(2).toNanos());
                assertTrue(json.contains("\"failed\":1"), json);
                return json.contains("\"database_ok\":false");
              });
      Duration took = issues.get();
      assertTrue(took.compareTo(Duration.ofSeconds(5)) < 0, took.toString());
    }
    await()
        .atMost(Duration.ofSeconds(5))
        .until(() -> fixture.json("/api/overview").contains("\"database_ok\":true"));
  }

  private Duration answeredAfter() {
    long start = System.nanoTime();
    try {
      assertEquals(503, fixture.get("/api/issues?limit=7").status());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Duration.ofNanos(System.nanoTime() - start);
  }

  @Test
  void outputIsReadFromItsFileWhileItGrows() throws Exception {
    issues("('a', 'started')");
    Path file = Files.createDirectories(logs.resolve("issues/1")).resolve("attempt-1-1.log");
    Files.writeString(file, "one\ntwo th");
    fixture.attempt(1, 1, "running", DashboardFixture.HOST, file.toString());
    assertEquals(
        "{\"available\":\"file\",\"from\":0,\"to\":8,\"size\":10,\"ended\":false,"
            + "\"text\":\"one\\ntwo \"}",
        fixture.json("/api/issues/1/output?fence=1&from=-1"));
    Files.writeString(file, "one\ntwo three\n\u001b[2J");
    fixture.database.execute("UPDATE cape_issue_attempts SET outcome = 'failed'");
    String rest = fixture.json("/api/issues/1/output?fence=1&from=8");
    assertEquals("three\\n\\u001b[2J", DashboardFixture.field("text", rest));
    assertEquals("true", DashboardFixture.field("ended", rest));
  }

  @Test
  void endThatWasKeptIsShownWhereTheFileIsNotHere() throws Exception {
    issues("('a', 'started')");
    Path folder = Files.createDirectories(logs.resolve("issues/1"));
    Path file = Files.writeString(folder.resolve("attempt-1-1.log"), "the file of this host");
    fixture.attempt(1, 1, "failed", "there", file.toString());
    fixture.attempt(1, 2, "running", "there", folder.resolve("attempt-1-2.log").toString());
    String ended = fixture.json("/api/issues/1/output?fence=1");
    assertEquals("tail", DashboardFixture.field("available", ended));
    assertEquals("the end", DashboardFixture.field("text", ended));
    String running = fixture.json("/api/issues/1/output?fence=2");
    assertEquals("none", DashboardFixture.field("available", running));
    assertEquals("false", DashboardFixture.field("ended", running));
    assertEquals(404, fixture.get("/api/issues/1/output?fence=3").status());
    for (String wrong : List.of("", "?fence=", "?fence=x", "?fence=1&from=x", "?fence=1&limit=-")) {
      assertEquals(400, fixture.get("/api/issues/1/output" + wrong).status(), wrong);
    }
  }

  @Test
  void fileThatTheTableNamesElsewhereIsNotRead(@TempDir Path elsewhere) throws Exception {
    issues("('a', 'started')");
    Path secret = Files.writeString(logs.resolveSibling(logs.getFileName() + "-secret"), "s3cr3t");
    Path link = Files.createSymbolicLink(logs.resolve("link"), secret);
    Path outside =
        Files.createDirectories(elsewhere.resolve("issues/1")).resolve("attempt-1-8.log");
    Files.writeString(outside, "s3cr3t");
    Path pipe = logs.resolve("pipe");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    int fence = 1;
    for (String name :
        List.of(
            "/etc/passwd",
            "../../x",
            secret.toString(),
            link.toString(),
            pipe.toString(),
            logs + "/../" + secret.getFileName(),
            logs.toString(),
            outside.toString(),
            "/dev/zero",
            "")) {
      fixture.attempt(1, fence, "failed", DashboardFixture.HOST, name);
      String output = fixture.json("/api/issues/1/output?from=0&fence=" + fence++);
      assertEquals("tail", DashboardFixture.field("available", output), name);
      assertEquals("the end", DashboardFixture.field("text", output), name);
    }
    Files.delete(secret);
  }

  @Test
  void megabyteOnOneLineIsToldInPieces() throws Exception {
    issues("('a', 'started')");
    Path file = Files.createDirectories(logs.resolve("issues/1")).resolve("attempt-1-1.log");
    Files.writeString(file, "x".repeat(1 << 20));
    fixture.attempt(1, 1, "failed", DashboardFixture.HOST, file.toString());
    long to = 0;
    int pieces = 0;
    for (String ended = "false"; ended.equals("false"); pieces++) {
      String json = fixture.json("/api/issues/1/output?fence=1&from=" + to);
      assertTrue(json.length() <= (256 << 10) + 200, json.length() + " characters");
      to = Long.parseLong(DashboardFixture.field("to", json));
      ended = DashboardFixture.field("ended", json);
    }
    assertEquals(1 << 20, to);
    assertEquals(5, pieces);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/../../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/%252e%252e/etc/passwd",
        "/dashboard/../../Json.class",
        "/Json.class",
        "/static//etc/passwd",
        "/../Json.class",
        "/....//....//etc/passwd",
        "/dashboard.css/../../x",
        "/dashboard.css%00.html",
        "/META-INF/MANIFEST.MF"
      })
  void nothingButThePagesOwnFilesIsServed(String path) throws Exception {
    int status;
    try {
      status = fixture.get(path).status();
    } catch (IOException e) {
      status = 404; // It was no request at all.
    }
    assertTrue(status == 404 || status == 400, "answered " + status);
  }
}
