package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code doctor --ending-rules FILE --output LOG}, without a database. */
class DoctorOfEndingsTest {
  @TempDir private Path directory;

  @Test
  void outputIsTakenForALimitByABuiltInRule() throws IOException {
    Path log = file("run.log", "Claude AI usage limit reached|1796081352\n");
    Files.setLastModifiedTime(log, FileTime.from(Instant.parse("2026-11-30T21:29:30Z")));
    var ran = OperatorFixture.bare("doctor", "--output", log.toString());
    assertEquals(0, ran.exitCode(), ran.out() + ran.err());
    assertTrue(
        ran.out().contains("ok       ending: limit, by the rule claude-limit-epoch"), ran.out());
    assertTrue(
        ran.out().contains("ok       line: Claude AI usage limit reached|1796081352"), ran.out());
    assertTrue(ran.out().contains("ok       until: 2026-11-30T23:29:12Z"), ran.out());
    assertTrue(ran.out().contains("ok       effect: the attempt does not count"), ran.out());
    var completed = OperatorFixture.bare("doctor", "--exit", "0", "--output", log.toString());
    assertTrue(completed.out().contains("effect: the issue is completed"), completed.out());
  }

  @Test
  void ownRuleComesFirstAndTheCauseIsShown() throws IOException {
    Path rules =
        file("rules.conf", "name own\nclass overload\nlast type = result\njson is_error = true\n");
    Path log =
        file(
            "run.log",
            "{\"type\":\"result\",\"is_error\":true,\"result\":\"Usage limit\",\"api_error\":\"usage_limit_reached\"}\n");
    String[] command = {"doctor", "--ending-rules", rules.toString(), "--output", log.toString()};
    var ran = OperatorFixture.bare(command);
    assertEquals(0, ran.exitCode(), ran.out() + ran.err());
    assertTrue(ran.out().contains("ok       ending rules: 1 of " + rules), ran.out());
    assertTrue(ran.out().contains("ending: overload, by the rule own"), ran.out());
    assertTrue(ran.out().contains("ok       cause: Usage limit"), ran.out());
    var off = OperatorFixture.bare("doctor", "--ending-rules", "none", "--output", log.toString());
    assertTrue(off.out().contains("ending: no rule matches"), off.out());
    assertTrue(off.out().contains("effect: an ordinary failure"), off.out());
  }

  @Test
  void rulesAloneAreCheckedWithEveryMistake() throws IOException {
    Path wrong = file("wrong.conf", "nam x\nclass limits\n\nname b\nclass login\nmatch (\n");
    var ran = OperatorFixture.bare("doctor", "--ending-rules", wrong.toString());
    assertEquals(1, ran.exitCode(), ran.out() + ran.err());
    for (String place : new String[] {"line 1: 'nam'", "line 2: 'limits'", "line 6: the pattern"}) {
      assertTrue(
          ran.out().contains("failed   settings: --ending-rules (option): " + wrong + " " + place),
          ran.out());
    }
    assertFalse(ran.out().contains("database"), ran.out());
    Path right = file("right.conf", "name b\nclass login\nmatch please log in\n");
    var checked = OperatorFixture.bare("doctor", "--ending-rules", right.toString());
    assertEquals(0, checked.exitCode(), checked.out());
    assertEquals(1, checked.lines().size(), checked.out());
  }

  @Test
  void whatIsNoLogOrNoUsageIsSaidSo() throws IOException {
    var missing =
        OperatorFixture.bare("doctor", "--output", directory.resolve("no.log").toString());
    assertEquals(1, missing.exitCode(), missing.out());
    assertTrue(missing.out().contains("is no regular file"), missing.out());
    Path link = Files.createSymbolicLink(directory.resolve("link"), file("run.log", "x\n"));
    assertEquals(1, OperatorFixture.bare("doctor", "--output", link.toString()).exitCode());
    var alone = OperatorFixture.bare("doctor", "--exit", "1");
    assertEquals(2, alone.exitCode());
    assertTrue(alone.err().contains("name its output with --output"), alone.err());
    assertEquals(2, OperatorFixture.bare("doctor", "--exit", "256", "--output", "x").exitCode());
  }

  @Test
  @Timeout(60)
  void workerDoesNotStartWithWrongRules() throws IOException {
    Path wrong = file("wrong.conf", "name b\nclass limits\nmatch x y\n");
    var ran =
        OperatorFixture.bare(
            "--worker-id",
            "a",
            "--database-url",
            "postgresql://u@127.0.0.1:1/x",
            "--lease",
            "5",
            "--ending-rules",
            wrong.toString());
    assertEquals(78, ran.exitCode(), ran.err());
    assertTrue(ran.err().contains("--lease '5'"), ran.err());
    assertTrue(ran.err().contains(wrong + " line 2: 'limits' is no class"), ran.err());
  }

  private Path file(String name, String text) throws IOException {
    return Files.writeString(directory.resolve(name), text);
  }
}
