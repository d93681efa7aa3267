package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("database")
@Timeout(60)
class ListAndShowTest {
  private static final String HOSTILE =
      "E'\\x1b[31mred\\x1b[0m\\x1b]0;title\\x07 line\\nnext\\ttab \\u009b2J \u202etxt' ";

  private final OperatorFixture fixture = new OperatorFixture();

  @Test
  void newestComeFirstAndAsManyAsAskedFor() {
    fixture.issues("('one', 'pending'), ('two', 'failed'), ('three', 'completed')");
    assertEquals(List.of("3", "2", "1"), ids(fixture.run("list")));
    assertEquals(List.of("3", "2"), ids(fixture.run("list", "--limit", "2")));
    assertEquals(List.of("1", "2", "3"), ids(fixture.run("list", "--sort", "oldest")));
  }

  @Test
  void statusAndWorkerChoose() {
    fixture.issues(
        "('one', 'pending'), ('two', 'failed'), ('three', 'failed'), ('four', 'cancelled')");
    fixture.database.execute(
        "UPDATE cape_issues SET assigned_worker_id = 'w-1' WHERE id IN (2, 4)");
    assertEquals(List.of("3", "2"), ids(fixture.run("list", "--status", "failed")));
    assertEquals(List.of("4", "3", "2"), ids(fixture.run("list", "--status", "failed,cancelled")));
    assertEquals(List.of("4", "2"), ids(fixture.run("list", "--worker", "w-1")));
    assertEquals(List.of("2"), ids(fixture.run("list", "--worker", "w-1", "--status", "failed")));
    var none = fixture.run("list", "--status", "started");
    assertEquals(0, none.exitCode());
    assertEquals("", none.out());
    assertEquals("[]", fixture.run("list", "--status", "started", "--json").out().strip());
  }

  @Test
  void queueIsTheOrderOfClaims() {
    fixture.database.execute(
        """
        INSERT INTO cape_issues (description, status, priority, run_after) VALUES
          ('later', 'pending', 0, now() + interval '1 h'), ('first', 'pending', 5, now()),
          ('second', 'pending', 0, now() - interval '1 h'), ('failed', 'failed', 9, now())
        """);
    assertEquals(List.of("2", "3", "1"), ids(fixture.run("list", "--sort", "queue")));
  }

  @Test
  void hostileTextIsHarmlessAndOneLine() {
    fixture.issues("(" + HOSTILE + ", 'pending')");
    var ran = fixture.run("list");
    assertTrue(ran.lines().get(1).endsWith("red line next tab 2J txt"), ran.out());
    assertEquals(2, ran.lines().size());
    String json = fixture.run("list", "--json").out();
    assertTrue(json.contains("\\u001b[31mred"), json);
    assertEquals(1, json.lines().count());
    assertHarmless(json);
    var shown = fixture.run("show", "1");
    assertTrue(shown.lines().contains("text       red line"), shown.out());
    assertTrue(shown.lines().contains("           next\ttab 2J txt"), shown.out());
    assertHarmless(shown.out().replace("\t", ""));
  }

  @Test
  void megabyteOnOneLineIsCut() {
    fixture.database.execute("INSERT INTO cape_issues (description) VALUES (repeat('é', 1048576))");
    assertTrue(fixture.run("list").out().length() < 1200);
    var shown = fixture.run("show", "1");
    assertTrue(shown.out().length() < 3000);
    assertTrue(
        shown.out().contains("(1048576 characters in all; --json prints them)"), shown.out());
    assertTrue(fixture.run("show", "1", "--json").out().contains("é".repeat(1_048_576)));
  }

  @Test
  void showTellsAnIssueWithItsAttempts() {
    fixture.issues("('an issue', 'pending')");
    fixture.running(1, "w-1");
    fixture.database.execute(
        """
        UPDATE cape_issue_attempts SET outcome = 'failed', exit_code = 3, finished_at = started_at + interval '65 s',
               error = 'exit 3', output_tail = 'the end';
        UPDATE cape_issues SET last_error = E'exit 3\\nthe end'
        """);
    fixture.running(1, "w-2");
    var ran = fixture.run("show", "1");
    assertTrue(ran.lines().contains("attempts   2 counted, fence 2"), ran.out());
    assertTrue(ran.lines().contains("log        there:/nowhere/attempt.log"), ran.out());
    assertTrue(ran.lines().contains("error      exit 3"), ran.out());
    assertTrue(ran.lines().contains("           the end"), ran.out());
    assertTrue(
        ran.out().matches("(?s).*\n2 +running .* w-2 on there\n1 +failed exit 3 +1m 05s .*"),
        ran.out());
    String json = fixture.run("show", "1", "--json").out();
    assertTrue(json.contains("\"attempts\":[{\"attempt\":2,\"fence\":2,"), json);
    assertTrue(
        json.contains(
            "\"outcome\":\"failed\",\"exit_code\":3,\"signal\":null,\"error\":\"exit 3\",\"output_tail\":\"the end\""),
        json);
  }

  @Test
  void issueStartedBySomebodyElseIsToldAsSuch() {
    fixture.issues("('by hand', 'started'), ('words of others', 'blocked')");
    assertTrue(fixture.run("show", "1").out().contains("somebody else started it"));
    assertTrue(fixture.run("list").out().contains("blocked"));
  }

  @Test
  void issueThatIsNotThereIsRefused() {
    var ran = fixture.run("show", "7");
    assertEquals(1, ran.exitCode());
    assertEquals(
        "cape-worker: there is no issue 7; 'cape-worker list' shows the newest\n", ran.err());
  }

  @Test
  void passwordsInTextsAreMasked() {
    fixture.issues("('use postgresql://cape:s3cr3t@db/x', 'pending')");
    for (String command : new String[] {"list", "show"}) {
      for (String json : new String[] {"--json", "--env-file=/dev/null"}) {
        var ran =
            command.equals("show") ? fixture.run(command, "1", json) : fixture.run(command, json);
        assertTrue(ran.out().contains("postgresql://cape:****@db/x"), ran.out() + ran.err());
        assertFalse(ran.out().contains("s3cr3t"), ran.out());
      }
    }
  }

  @Test
  void everyFieldOfJsonIsInTheHelp() {
    fixture.issues("('x', 'pending')");
    fixture.running(1, "w-1");
    fixture.worker("w-1", "working", "1 s");
    fixture.run("pause", "--worker", "w-1");
    String list = help("list");
    assertDocumented(list, fixture.run("list", "--json"), 16);
    assertDocumented(list + help("show"), fixture.run("show", "1", "--json"), 28);
    assertDocumented(help("status"), fixture.run("status", "--json"), 32);
  }

  private static void assertDocumented(String help, OperatorFixture.Ran ran, int least) {
    Set<String> words = new HashSet<>(List.of(help.split("\\W+")));
    List<String> fields =
        Pattern.compile("\"(\\w+)\":").matcher(ran.out()).results().map(f -> f.group(1)).toList();
    assertTrue(Set.copyOf(fields).size() >= least, fields.size() + " in " + ran.out());
    fields.forEach(field -> assertTrue(words.contains(field), field));
  }

  private static String help(String command) {
    String help = Main.commandLine().getSubcommands().get(command).getUsageMessage();
    return help.substring(help.indexOf("JSON:"));
  }

  private static List<String> ids(OperatorFixture.Ran ran) {
    assertEquals(0, ran.exitCode(), ran.err());
    return ran.lines().stream().skip(1).map(line -> line.split(" ")[0]).toList();
  }

  private static void assertHarmless(String text) {
    assertFalse(text.chars().anyMatch(c -> c != '\n' && Character.isISOControl(c)), text);
    assertFalse(text.contains("\u202e"), text);
  }
}
