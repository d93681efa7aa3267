package com.cape.worker;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.Chromium;
import com.cape.worker.testing.Skip;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Keys;

/** The page as people meet it: in a browser, on a database that a live worker works on. */
@Timeout(60)
class DashboardPageIT {
  private static final Duration LIVE = Duration.ofSeconds(2);
  private static final int PHONE = 360;
  private static final String DIALOG = "dialog[open]";
  private static final String SAID = "#said";

  @TempDir private static Path directory;
  private static DashboardFixture fixture;
  private static Chromium browser;

  @BeforeAll
  static void start() throws IOException {
    Chromium.missing().ifPresent(file -> Skip.because("no browser: " + file + " is missing"));
    fixture = new DashboardFixture(directory);
    browser = fixture.browser;
  }

  @AfterAll
  static void stop() throws IOException {
    if (fixture != null) {
      fixture.close();
    }
  }

  @BeforeEach
  void open() {
    browser.size(1280, 900);
    browser.scheme("light");
    browser.open(fixture.url);
    browser.awaitText("#freshness", "Live");
  }

  /** Neither a complaint nor a request to anybody else, whatever the test did. */
  @AfterEach
  void nothingElseHappened() {
    assertEquals(List.of(), browser.complaints());
    assertOwn(browser.requests());
  }

  private static void assertOwn(List<String> requests) {
    assertFalse(requests.isEmpty());
    assertEquals(
        List.of(),
        requests.stream()
            .filter(url -> !url.matches("(http://127\\.0\\.0\\.1:|chrome:).*"))
            .toList());
  }

  // The views.

  @Test
  void overviewFollowsTheQueue() throws Exception {
    assertTrue(chart("aria-label").startsWith("Last 60 minutes: "), chart("aria-label"));
    browser.awaitThat("a bar", () -> browser.count(".charts rect.completed") == 84);
    assertTrue(
        String.valueOf(browser.script("return document.querySelector('.chart').textContent"))
            .contains(": " + DashboardFixture.ENDED),
        "the minute in which these ended");

    long slow = fixture.submit("slow: seen in the overview");
    fixture.awaitStatus(slow, "started");
    browser.awaitText(".workers", "Issue " + slow);
    assertTrue(browser.text(".workers").contains(" left"), browser.text(".workers"));
    assertEquals(DashboardFixture.WORKER, browser.text(".workers tbody .name"));
    fixture.finish(slow);

    assertLive(
        "the count of issues",
        turn -> {
          fixture
              .database()
              .execute(
                  "INSERT INTO cape_issues (description, run_after) SELECT 'later', 'infinity' FROM generate_series(1, 1000)");
          String pending = fixture.database().value(PENDING);
          return browser.awaitText(".tiles", "%,d".formatted(Integer.valueOf(pending)));
        });
    fixture.database().execute("DELETE FROM cape_issues WHERE description = 'later'");

    browser.click(".charts details summary");
    browser.awaitThat(
        "a table of minutes", () -> browser.count(".charts details[open] tbody tr") == 60);
    assertTrue(browser.text(".charts details").contains("4\t2\t1\t0"));
  }

  private static final String PENDING = "SELECT count(*) FROM cape_issues WHERE status = 'pending'";

  private static String chart(String attribute) {
    return browser.find(".charts svg").getAttribute(attribute);
  }

  @Test
  void issuesAreFilteredSearchedAndPaged() {
    fixture
        .database()
        .execute(
            """
        INSERT INTO cape_issues (description, status, completed_at, assigned_worker_id)
        SELECT 'sorted ' || n, 'completed', now(), 'other-worker' FROM generate_series(1, 120) AS n
        """);
    browser.go("#/issues?worker=other-worker");
    browser.awaitText("#found", "50 issues");
    assertEquals("sorted 120", browser.text(".issues tbody tr .clamp"));
    browser.click(".pager a:last-child");
    browser.awaitText(".issues tbody tr .clamp", "sorted 70");
    browser.click(".pager a:last-child");
    browser.awaitText(".issues tbody tr .clamp", "sorted 20");
    assertEquals(0, browser.count(".pager a:last-child:not([hidden])"));
    browser.click(".pager a:nth-child(2)");
    browser.awaitText(".issues tbody tr .clamp", "sorted 70");
    browser.click(".pager a:nth-child(1)");
    browser.awaitText(".issues tbody tr .clamp", "sorted 120");

    browser.type("#q", "SORTED 77");
    browser.awaitText("#found", "1 issue");
    assertEquals("sorted 77", browser.text(".issues tbody tr .clamp"));
    String id = browser.text(".issues .id");
    browser.type("#q", id);
    browser.awaitThat("the id in the address", () -> browser.address().contains("q=" + id));
    browser.awaitText(".issues tbody tr .clamp", "sorted 77");

    long held = held("held for the list");
    browser.go("#/issues?status=pending");
    browser.awaitText(".issues", "held for the list");
    fixture.database().execute("UPDATE cape_issues SET status = 'failed' WHERE id = " + held);
    browser.awaitThat("it is gone", () -> !browser.text("main").contains("held for the list"));
    browser.click("input[value=failed]");
    browser.awaitText(".issues", "held for the list");
    fixture
        .database()
        .execute("UPDATE cape_issues SET description = 'told otherwise' WHERE id = " + held);
    browser.awaitText(".issues", "told otherwise");
  }

  @Test
  void issueShowsItsAttemptsAndWhatItPrints() throws Exception {
    long issue = fixture.submit("slow: followed to its end");
    browser.go("#/issues/" + issue);
    browser.awaitText(".title", "started");
    browser.awaitText(".output", "begun");
    assertEquals("slow: followed to its end", browser.text(".text"));
    assertTrue(browser.text(".timeline").contains("running for"), browser.text(".timeline"));

    assertLive(
        "a line of output",
        turn -> {
          fixture.say(issue, "line " + turn + " at once\n");
          return browser.awaitText(".output", "line " + turn + " at once");
        });
    fixture.say(issue, "line\n".repeat(400) + "the last line\n");
    browser.awaitText(".output", "the last line");
    assertTrue(atEnd(), "it follows the end");

    browser.script("document.querySelector('.output').scrollTop = 0");
    browser.awaitThat("it stands still", () -> !browser.find(".switch input").isSelected());
    fixture.say(issue, "unseen\n");
    browser.awaitText(".output", "unseen");
    assertFalse(atEnd());
    browser.click(".jump");
    browser.awaitThat(
        "it follows again", () -> atEnd() && browser.find(".switch input").isSelected());

    fixture.finish(issue);
    fixture.awaitStatus(issue, "completed");
    browser.awaitText(".title", "completed");
    browser.awaitText(".timeline", "exit 0");
    assertTrue(browser.text(".output").startsWith("begun\nline 1 at once\n"));
    assertLive(
        "a status",
        turn -> {
          String status = turn % 2 == 0 ? "cancelled" : "failed";
          fixture
              .database()
              .execute(
                  "UPDATE cape_issues SET status = '%s' WHERE id = %d".formatted(status, issue));
          return browser.awaitText(".title", status);
        });

    long bad = fixture.submit("bad: exit 65");
    fixture.awaitStatus(bad, "failed");
    browser.go("#/issues/" + bad);
    browser.awaitText("main", "Last error");
    browser.awaitText(".timeline", "exit 65");
    browser.go("#/issues/999999");
    browser.awaitText("main", "There is no issue 999999");
    ignore("404");
  }

  private static boolean atEnd() {
    return Boolean.TRUE.equals(
        browser.script(
            "const o = document.querySelector('.output');"
                + " return o.scrollHeight > o.clientHeight && o.scrollHeight - o.scrollTop - o.clientHeight < 8"));
  }

  @Test
  void longOutputIsReadPieceByPiece() throws Exception {
    long issue = fixture.submit("slow: prints a lot");
    fixture.awaitStatus(issue, "started");
    var lines = new StringBuilder();
    for (int i = 0; i < 30_000; i++) {
      lines.append("number %05d of many\n".formatted(i));
    }
    fixture.say(issue, lines.toString());
    browser.go("#/issues/" + issue);
    browser.awaitText(".output", "number 29999 of many");
    // What it read while it was printed may be in any pieces: once more, now that all is there.
    browser.go("#/issues");
    browser.awaitText("main", "slow: prints a lot");
    browser.go("#/issues/" + issue);
    browser.awaitText(".output", "number 29999 of many");
    assertFalse(browser.text(".output").contains("number 00000"));
    browser.awaitThat(
        "there is more before", () -> browser.find(".output-room > button").isDisplayed());
    String first = firstLine();
    browser.click(".output-room > button");
    browser.awaitThat("the part before it", () -> !firstLine().equals(first));
    assertWhole(browser.text(".output"));
    fixture.finish(issue);
  }

  private static String firstLine() {
    return browser.text(".output").lines().skip(1).findFirst().orElse("");
  }

  /** Each number is followed by the next one. */
  private static void assertWhole(String output) {
    List<Integer> numbers =
        output
            .lines()
            .filter(line -> line.matches("number \\d{5} of many"))
            .map(line -> Integer.valueOf(line.substring(7, 12)))
            .toList();
    for (int i = 1; i < numbers.size(); i++) {
      assertEquals(numbers.get(i - 1) + 1, numbers.get(i));
    }
  }

  @Test
  void workersViewShowsEachOfThem() {
    browser.go("#/workers");
    browser.awaitText(".workers", DashboardFixture.WORKER);
    assertTrue(browser.text(".workers").contains("pid " + fixture.worker.pid()));
    browser.click(".workers td.action button");
    browser.awaitText(DIALOG, "Pause worker " + DashboardFixture.WORKER);
    browser.type("#reason", "a new disk");
    browser.type("#minutes", "5");
    browser.click(DIALOG + " .primary");
    browser.awaitText("#pauses", "a new disk");
    fixture.jar.awaitValue(
        "a new disk",
        "SELECT reason FROM cape_pauses WHERE scope = '%s' AND paused_until < now() + interval '6 min'"
            .formatted(DashboardFixture.WORKER));
    browser.awaitText(".workers td.action", "Resume");
    browser.click(".workers td.action button");
    fixture.jar.awaitValue("0", "SELECT count(*) FROM cape_pauses");
    browser.awaitThat("no pause is told", () -> browser.count("#pauses li") == 0);
  }

  // The actions, by keyboard alone.

  @Test
  void everythingIsDoneByKeyboardAlone() throws Exception {
    browser.tabTo("Submit an issue …");
    browser.press(Keys.ENTER);
    browser.awaitThat("a dialog", () -> browser.focused().equals("Description"));
    browser.press("slow: by keyboard", Keys.TAB);
    browser.selectAll();
    browser.press("7", Keys.ENTER);
    browser.awaitText(SAID, "is submitted");
    long issue =
        Long.parseLong(
            fixture
                .database()
                .value(
                    "SELECT max(id) FROM cape_issues WHERE description = 'slow: by keyboard' AND priority = 7"));
    assertEquals("Submit an issue …", browser.focused(), "the focus is back");
    fixture.awaitStatus(issue, "started");

    browser.tabTo("Issues");
    browser.press(Keys.ENTER);
    browser.awaitThat(
        "the focus on the heading",
        () -> browser.text("main h1").equals("Issues") && browser.focused().equals("Issues"));
    browser.tabTo("Search");
    browser.press("by keyb");
    browser.awaitText("#found", "1 issue");
    browser.tabTo("Cancel issue " + issue);
    browser.press(Keys.ENTER);
    browser.awaitText(DIALOG, "Cancel issue " + issue + "?");
    browser.press(Keys.ESCAPE);
    browser.awaitThat("closed", () -> browser.count(DIALOG) == 0);
    assertEquals("started", fixture.status(issue));
    browser.press(Keys.ENTER);
    browser.tabTo("Cancel the issue");
    browser.press(Keys.ENTER);
    browser.awaitText(SAID, "will be stopped");
    fixture.awaitStatus(issue, "cancelled");

    browser.tabTo(Long.toString(issue));
    browser.press(Keys.ENTER);
    browser.awaitThat("the issue", () -> browser.focused().equals("Issue " + issue));
    browser.awaitText(".title", "cancelled");
    browser.tabTo("Retry");
    browser.press(Keys.ENTER);
    browser.awaitText(SAID, "is pending");
    fixture.awaitStatus(issue, "started");
    assertEquals(
        "1", fixture.database().value("SELECT attempts FROM cape_issues WHERE id = " + issue));
    fixture.finish(issue);

    pauseAndResume();
    turnPages();
  }

  private static void pauseAndResume() {
    browser.go("#/");
    browser.tabTo("Pause …");
    browser.press(Keys.ENTER);
    browser.awaitThat("a dialog", () -> browser.focused().equals("Reason"));
    browser.press("deploy", Keys.TAB, "30", Keys.ENTER);
    browser.awaitText("#pauses", "The fleet is paused until");
    fixture.jar.awaitValue(
        "deploy",
        "SELECT reason FROM cape_pauses WHERE scope = '*' AND paused_until > now() + interval '29 min'");
    browser.tabTo("Resume the fleet");
    browser.press(Keys.SPACE);
    browser.awaitText(SAID, "is resumed");
    assertEquals("0", fixture.database().value("SELECT count(*) FROM cape_pauses"));
  }

  private static void turnPages() {
    fixture
        .database()
        .execute(
            "INSERT INTO cape_issues (description, status) SELECT 'leaf ' || n, 'cancelled' FROM generate_series(1, 60) AS n");
    browser.go("#/issues?q=leaf");
    browser.awaitText("#found", "50 issues");
    browser.tabTo("Next page");
    browser.press(Keys.ENTER);
    browser.awaitText("#found", "10 issues");
    String first = browser.text(".issues .id");
    browser.tabTo(first);
    browser.press(Keys.ARROW_DOWN);
    assertEquals(Long.parseLong(first) - 1, Long.parseLong(browser.focused()));
  }

  @Test
  void anIssueOfSomebodyElseIsTakenBackOnlyAfterAYes() {
    long issue =
        Long.parseLong(
            fixture
                .database()
                .value(
                    "INSERT INTO cape_issues (description, status, run_after) VALUES ('by hand', 'started', 'infinity') RETURNING id"));
    browser.go("#/issues/" + issue);
    browser.awaitText(".facts", "somebody else started it");
    browser.click(".title .buttons button");
    browser.awaitText(DIALOG, "Take issue " + issue + " back?");
    browser.click(DIALOG + " .close");
    assertEquals("started", fixture.status(issue));
    browser.click(".title .buttons button");
    browser.click("#confirm-yes");
    browser.awaitText(SAID, "is pending");
    fixture.awaitStatus(issue, "completed");
  }

  @Test
  void aRefusalIsSaidWhereItWasAskedFor() {
    browser.click("#open-submit");
    browser.type("#description", "   ");
    browser.click(DIALOG + " .primary");
    browser.awaitText(DIALOG + " .wrong", "blank");
    assertEquals("   ", browser.find("#description").getAttribute("value"));
    ignore("400");
  }

  // Living beside what changes.

  @Test
  void whatThePersonHoldsStaysWhileThePageUpdates() {
    fixture
        .database()
        .execute(
            "INSERT INTO cape_issues (description, status) SELECT 'kept ' || n, 'cancelled' FROM generate_series(1, 40) AS n");
    browser.go("#/issues?q=kept");
    browser.awaitText("#found", "40 issues");
    browser.script(
        """
        document.querySelector('.issues tbody tr:nth-child(30) a').focus();
        getSelection().selectAllChildren(document.querySelector('.issues tbody tr:nth-child(29) .clamp'));
        scrollTo(0, 300);
        """);
    String focused = browser.focused();
    fixture
        .database()
        .execute("INSERT INTO cape_issues (description, status) VALUES ('kept anew', 'cancelled')");
    browser.awaitText("#found", "41 issues");
    assertEquals(focused, browser.focused());
    assertEquals("kept 12", browser.script("return String(getSelection())"));
    assertTrue(((Number) browser.script("return scrollY")).doubleValue() >= 300);

    browser.go("#/");
    browser.click("#open-submit");
    browser.type("#description", "half a tho");
    long pending = held("counted behind a dialog");
    browser.awaitThat(
        "an update",
        () ->
            browser
                .text(".tiles")
                .contains(
                    fixture
                        .database()
                        .value("SELECT count(*) FROM cape_issues WHERE status = 'pending'")));
    browser.press("ught");
    assertEquals("half a thought", browser.find("#description").getAttribute("value"));
    assertEquals("Description", browser.focused());
    fixture.database().execute("DELETE FROM cape_issues WHERE id = " + pending);
    browser.press(Keys.ESCAPE);
  }

  @Test
  void nothingIsAskedWhileNobodyLooks() {
    browser.script(SEEN.formatted("true"));
    await("silence").during(Duration.ofMillis(1500)).until(() -> browser.requests().isEmpty());
    long held = held("while nobody looked");
    browser.script(SEEN.formatted("false"));
    browser.awaitText(".tiles", fixture.database().value(PENDING));
    fixture.database().execute("DELETE FROM cape_issues WHERE id = " + held);
  }

  private static final String SEEN =
      """
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => %s });
      document.dispatchEvent(new Event('visibilitychange'));
      """;

  @Test
  void aWorkerThatIsGoneIsTold() throws Exception {
    String doomed = DashboardFixture.DOOMED;
    browser.awaitText(".workers", doomed);
    fixture.doomed.signal("KILL");
    assertTrue(fixture.doomed.ended(LIVE));
    fixture
        .database()
        .execute(
            "UPDATE cape_workers SET heartbeat_at = now() - interval '59 s' WHERE worker_id = '%s'"
                .formatted(doomed));
    browser.awaitText("#warnings", "worker " + doomed);
    browser.awaitText(SAID, "worker " + doomed);
    browser.awaitText(".workers", "gone");
    fixture.database().execute("DELETE FROM cape_workers WHERE worker_id = '" + doomed + "'");
  }

  @Test
  void aTokenOpensTheDoorAndWhatGoesAwayIsTold() throws Exception {
    String url = DashboardFixture.urlOf(fixture.guarded);
    browser.open(url);
    browser.awaitThat("the door", () -> browser.address().endsWith("/login"));
    assertEquals("Token", browser.focused());
    browser.press("wrong-horse-battery", Keys.ENTER);
    browser.awaitText("#failed", "That is not the token");
    browser.press(Keys.TAB, DashboardFixture.TOKEN, Keys.ENTER);
    browser.awaitText("#freshness", "Live");
    assertEquals(List.of("cape_session HttpOnly"), browser.cookies());
    assertEquals("", browser.script("return document.cookie"));

    theDatabaseGoesAndComesBack();

    browser.click("#log-out");
    browser.awaitThat("the door again", () -> browser.address().endsWith("/login"));
    browser.press(DashboardFixture.TOKEN, Keys.ENTER);
    browser.awaitText("#freshness", "Live");
    browser.forget();
    browser.awaitText("#connection", "You are logged out.");
    browser.open(url + "login");
    browser.press(DashboardFixture.TOKEN, Keys.ENTER);
    browser.awaitText("#freshness", "Live");

    fixture.guarded.signal("KILL");
    browser.awaitText("#connection", "The dashboard server does not answer.");
    browser.awaitText("#freshness", " old");
    browser.open(fixture.url);
    ignore("401", "503", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE");
  }

  private static void theDatabaseGoesAndComesBack() {
    browser.awaitText(".workers", DashboardFixture.WORKER);
    try {
      fixture.proxy.hole(true);
      fixture.proxy.cut();
      browser.awaitText("#connection", "The database is away.");
      assertTrue(browser.text("#connection").contains("What you see is from"));
      browser.awaitText("#freshness", " old");
      browser.awaitText(SAID, "The database is away.");
      assertTrue(
          browser.text(".workers").contains(DashboardFixture.WORKER), "the last that was known");
    } finally {
      fixture.proxy.hole(false);
    }
    browser.awaitText("#freshness", "Live");
    assertEquals("", browser.text("#connection"));
  }

  // Hostile text.

  @Test
  void hostileTextIsOnlyText() throws Exception {
    String evil =
        "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
            + "<a href='javascript:window.hacked=3'>x</a>\u001b[31mred\u001b[0m \u202egnp.exe \u0007"
            + "<style>body { display: none }</style><link rel=stylesheet href=https://example.com/>";
    String megabyte = "A".repeat(1 << 20);
    Files.writeString(
        directory.resolve("hostile.txt"),
        megabyte + "\n" + evil + "\nafter\n",
        StandardCharsets.UTF_8);
    long issue =
        Long.parseLong(
            fixture
                .database()
                .value(
                    "INSERT INTO cape_issues (description) VALUES ($$hostile %s$$ || repeat('B', 1 << 20)) RETURNING id"
                        .formatted(evil)));
    fixture.awaitStatus(issue, "completed");
    fixture
        .database()
        .execute(
            """
        UPDATE cape_issues SET last_error = $$%s$$, status = 'failed' WHERE id = %d;
        INSERT INTO cape_pauses (scope, reason) VALUES ('*', $$%1$s$$);
        INSERT INTO cape_workers (worker_id, instance, host, pid, version, state, free_slots, heartbeat_at)
        VALUES ($$%1$s$$, gen_random_uuid(), $$%1$s$$, 1, '<b>1', 'idle', 1, now() - interval '1 hour')
        """
                .formatted(evil.substring(0, 90), issue));
    try {
      browser.go("#/issues/" + issue);
      browser.awaitText(".output", "after");
      String output = browser.text(".output");
      assertTrue(
          output.contains("<img src=x onerror='window.hacked = 2'>"), output.substring(0, 300));
      assertTrue(output.contains("red \\u202egnp.exe \u2407"), output.substring(0, 300));
      assertTrue(output.length() < 20_000, "a long line is cut");
      assertTrue(browser.text(".output .more").contains("more characters"));
      Duration more =
          browser.awaitThat(
              "more of the line",
              () -> {
                browser.click(".output .more");
                return browser.text(".output").length() > output.length() + 10_000;
              });
      assertTrue(more.compareTo(LIVE) < 0, "responsive: " + more);
      assertTrue(browser.text(".text").startsWith("hostile <script>"));
      assertTrue(browser.text(".text").length() < 10_000);
      browser.click(".long .more");
      for (String view : List.of("#/issues", "#/workers", "#/", "#/issues/" + issue)) {
        browser.go(view);
        browser.awaitText(
            "main", view.equals("#/") || view.equals("#/workers") ? "<script>" : "hostile");
        browser.awaitText("#pauses", "<script>");
        assertEquals(
            0,
            browser.count("main script, main style, main link, main img, #notices img, [onerror]"));
        assertNarrow(view);
      }
      assertEquals("undefined", browser.script("return typeof window.hacked"));
    } finally {
      fixture
          .database()
          .execute(
              "DELETE FROM cape_pauses; DELETE FROM cape_workers WHERE pid = 1; DELETE FROM cape_issues WHERE id = "
                  + issue);
    }
  }

  @Test
  void whatCannotBeSeenIsWrittenOut() {
    List<String> strange =
        List.of(
            "\u001b[1;31mred\u001b[0m",
            "\u001b]0;title\u0007text",
            "one\r\ntwo\rthree",
            "a\u0000b\u007fc\u009bd",
            "abc\u202edef\u2066g",
            "no\u200bwidth\ufeff\u00ad",
            "tag\udb40\udc41!",
            "\u200fשלום",
            "कृ\u200dष्ण 👩\u200d💻\t1");
    assertEquals(
        List.of(
            "red",
            "text",
            "one\ntwo\nthree",
            "a\u2400b\u2421c\\u009bd",
            "abc\\u202edef\\u2066g",
            "no\\u200bwidth\\ufeff\\u00ad",
            "tag\\u{e0041}!",
            "\\u200fשלום",
            "कृ\u200dष्ण 👩\u200d💻\t1"),
        browser.script(
            "return import('/text.js').then((text) => arguments[0].map(text.visible))", strange));
    assertEquals(
        "a b …",
        browser.script(
            "return import('/text.js').then((text) => text.line('a\\n\\tb ' + 'c'.repeat(9), 4))"));
  }

  @Test
  void outputInPiecesIsPutTogetherAndKeepsWithinBounds() {
    assertEquals("a red\nb", output("['a \\u001b[3', '1mred\\r', '\\nb']", "pre.textContent"));
    String line = "Array(20).fill('x'.repeat(100000))";
    assertEquals(
        true,
        output(line, "pre.innerText.length < 4000 && pre.querySelectorAll('.more').length > 0"));
    assertEquals(true, output("['\\n'.repeat(1000000)]", "pre.textContent.length < 6000"));
    assertEquals(
        true, output("Array(40).fill('word '.repeat(20000) + '\\n')", "pre.children.length <= 7"));
    assertEquals(
        true,
        output(
            "Array(400).fill('short\\n')",
            "pre.children.length < 3 && pre.textContent.length === 2400"));
  }

  /** What the page makes of output that comes in these parts. */
  private static Object output(String parts, String question) {
    return browser.script(
        """
        return import('/output.js').then(async ({ Output }) => {
          const output = new Output();
          output.choose(1, { attempt: 1, fence: 1 });
          let at = 0;
          for (const text of %s) {
            const from = at;
            at += text.length;
            await output.refresh(async () => ({ available: 'file', from, to: at, size: at + 1, ended: false, text }));
          }
          document.body.append(output.node);
          const pre = output.node.querySelector('pre');
          const answer = %s;
          output.node.remove();
          return answer;
        });
        """
            .formatted(parts, question));
  }

  // For everybody.

  @Test
  void noViewIsWiderThanAPhone() {
    long issue = fixture.submit("bad: " + "a-very-long-word".repeat(30));
    fixture.awaitStatus(issue, "failed");
    for (String view : List.of("#/", "#/issues", "#/workers", "#/issues/" + issue)) {
      browser.go(view);
      browser.awaitThat(view, () -> browser.count("main table:not([hidden]), .timeline li") > 0);
      assertNarrow(view);
    }
    for (String button : List.of("#open-submit", "#open-pause")) {
      browser.size(PHONE, 700);
      browser.click(button);
      assertNarrow(button);
      browser.press(Keys.ESCAPE);
    }
  }

  private static void assertNarrow(String view) {
    browser.size(PHONE, 700);
    Number width = (Number) browser.script("return document.scrollingElement.scrollWidth");
    assertTrue(width.intValue() <= PHONE, view + " is " + width + " wide: " + browser.sticksOut());
    browser.size(1280, 900);
  }

  @Test
  void everyControlHasANameAndHeadingsAreInOrder() {
    long issue = fixture.submit("flaky: for its controls");
    fixture.jar.awaitValue(
        "failed", "SELECT outcome FROM cape_issue_attempts WHERE issue_id = " + issue);
    fixture.database().execute("INSERT INTO cape_pauses (scope) VALUES ('nobody')");
    for (String view : List.of("#/", "#/issues", "#/workers", "#/issues/" + issue)) {
      browser.go(view);
      browser.awaitThat(view, () -> browser.count("main table:not([hidden]), .timeline li") > 0);
      assertEquals(List.of(), browser.nameless(), view);
      String levels =
          String.valueOf(
              browser.script(
                  "return [...document.querySelectorAll('main :is(h1, h2, h3)')].filter(h => h.offsetParent).map(h => h.tagName[1]).join('')"));
      assertTrue(levels.matches("1(23*)*"), view + " has headings " + levels);
      assertEquals(1, browser.count("main, [role=main]"));
      assertEquals(0, browser.count("th:not([scope]), table:not(:has(caption))"), view);
    }
    for (String button : List.of("#open-submit", "#open-pause")) {
      browser.click(button);
      assertEquals(List.of(), browser.nameless(), button);
      browser.press(Keys.ESCAPE);
    }
    fixture.database().execute("DELETE FROM cape_pauses");
  }

  @Test
  void textStandsOutInLightAndDark() throws IOException {
    long issue = fixture.submit("bad: for its colours");
    fixture.awaitStatus(issue, "failed");
    fixture
        .database()
        .execute("INSERT INTO cape_pauses (scope, reason) VALUES ('nobody', 'for its colours')");
    for (String scheme : List.of("light", "dark")) {
      browser.scheme(scheme);
      for (String view : List.of("#/", "#/issues", "#/workers", "#/issues/" + issue)) {
        browser.go(view);
        browser.awaitThat(view, () -> browser.count("main table:not([hidden]), .timeline li") > 0);
        browser.awaitText("#pauses", "colours");
        assertEquals(List.of(), browser.pale(), scheme + " " + view);
      }
      browser.click("#open-submit");
      assertEquals(List.of(), browser.pale(), scheme + " dialog");
      browser.press(Keys.ESCAPE);
    }
    String dark =
        String.valueOf(browser.script("return getComputedStyle(document.body).backgroundColor"));
    browser.scheme("light");
    assertFalse(
        dark.equals(browser.script("return getComputedStyle(document.body).backgroundColor")));
    fixture.database().execute("DELETE FROM cape_pauses");
  }

  /** An issue that nobody may claim yet. */
  private static long held(String description) {
    return Long.parseLong(
        fixture
            .database()
            .value(
                "INSERT INTO cape_issues (description, run_after) VALUES ('%s', 'infinity') RETURNING id"
                    .formatted(description)));
  }

  private interface Change {
    Duration untilSeen(int turn) throws Exception;
  }

  /** Others may be at work on the machine: one of three changes has to be seen in time. */
  private static void assertLive(String what, Change change) throws Exception {
    Duration best = change.untilSeen(1);
    for (int turn = 2; turn <= 3 && best.compareTo(LIVE) > 0; turn++) {
      Duration took = change.untilSeen(turn);
      best = took.compareTo(best) < 0 ? took : best;
    }
    System.out.printf("%s: %d ms from the tables to the page%n", what, best.toMillis());
    assertTrue(best.compareTo(LIVE) <= 0, what + " took " + best);
  }

  /** The browser itself complains of answers that the test had the server give. */
  private static void ignore(String... causes) {
    List<String> left =
        browser.complaints().stream()
            .filter(complaint -> List.of(causes).stream().noneMatch(complaint::contains))
            .toList();
    assertEquals(List.of(), left);
  }
}
