package com.cape.worker.ending;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EndingRulesTest {
  private static final Instant NOW = Corpus.NOW;
  private static final String LIMIT = "Claude AI usage limit reached|1796081352\n";

  @ParameterizedTest
  @CsvSource({
    "'', 0, false",
    "'', 1, true",
    "'', 255, true",
    "'', , true",
    "exit 7 9, 9, true",
    "exit 7 9, 1, false",
    "exit 7 9, , false",
    "exit 0, 0, true",
    "exit 0, 1, false",
    "exit any, 0, true",
    "exit any, , true"
  })
  void ruleLooksAtItsExitCodesOnly(String line, Integer exit, boolean matches) throws Exception {
    EndingRules rules = own("name a\nclass login\nmatch own words\n" + line);
    OptionalInt code = exit == null ? OptionalInt.empty() : OptionalInt.of(exit);
    assertEquals(matches, rules.judge(code, "own words", NOW, ZoneOffset.UTC).isPresent());
  }

  @Test
  void ownRuleCanMakeAShippedOneAnOrdinaryFailure() throws Exception {
    assertEquals(EndingClass.LIMIT, judge(EndingRules.shipped(), LIMIT).orElseThrow().kind());
    EndingRules rules = own("name a\nclass failed\nmatch Claude AI usage limit.*");
    assertEquals(EndingClass.FAILED, judge(rules, LIMIT).orElseThrow().kind());
  }

  @Test
  void waitOfTheRuleHoldsWhereNoTimeIsFound() throws Exception {
    EndingRules rules =
        own(
            "name a\nclass limit\nmatch wait for (?<reset>.*)\nreset duration\nwait 3m\n\nname b\nclass limit\nmatch full");
    assertEquals(
        Optional.of(NOW.plusSeconds(180)), judge(rules, "wait for ever").orElseThrow().until());
    assertEquals(
        Optional.of(NOW.plusSeconds(600)), judge(rules, "wait for 10m").orElseThrow().until());
    assertEquals(Optional.empty(), judge(rules, "full").orElseThrow().until());
  }

  @Test
  void fieldsOfFieldsAndListsAreFound() throws Exception {
    EndingRules rules =
        own(
            "name a\nclass limit\nlast a.0.b ~ x+\njson n = 5\nwithout stop = true\nreset duration a.0.wait");
    String line = "{\"a\":[{\"b\":\"xx\",\"wait\":90}],\"n\":5}\n";
    Verdict verdict = judge(rules, line).orElseThrow();
    assertEquals(Optional.of(NOW.plusSeconds(90)), verdict.until());
    assertEquals("a JSON line with a, n", verdict.line());
    assertEquals(Optional.empty(), judge(rules, line + "{\"stop\":true}\n"));
    assertEquals(Optional.empty(), judge(rules, line + "{\"a\":[{\"b\":\"x\"}],\"n\":6}"));
  }

  @Test
  void bracesOnLinesOfTheirOwnHideNoLine() {
    EndingRules rules = EndingRules.shipped();
    for (String tail :
        List.of("{\n" + LIMIT, "{\n" + LIMIT + "}\n", "{\n" + LIMIT + "{\n}\n", "}\n" + LIMIT)) {
      assertEquals(EndingClass.LIMIT, judge(rules, tail).orElseThrow().kind(), tail);
    }
  }

  @Test
  void numberOfABillionDigitsIsNotWrittenOut() throws Exception {
    EndingRules rules = own("name a\nclass limit\nlast n ~ 1.*\nreset epoch n");
    assertTimeoutPreemptively(
        Duration.ofSeconds(10),
        () ->
            assertEquals(
                Optional.empty(), judge(rules, "{\"n\":1e999999999}").orElseThrow().until()));
  }

  @Test
  void lineForPeopleHidesPasswordsAndIsShort() throws Exception {
    EndingRules rules = own("name a\nclass login\nmatch refused .*");
    Verdict verdict =
        judge(rules, "\u001b[1mrefused https://u:s3cr3t@h/ \u001b[0m" + "x".repeat(2000))
            .orElseThrow();
    assertTrue(verdict.line().startsWith("refused https://u:****@h/ x"), verdict.line());
    assertEquals(500, verdict.line().length());
  }

  @ParameterizedTest
  @CsvSource({"(a+)+b", "(a|aa)+b", "(a*)*b", "(.*a){20}b", "((a|a)*)*b"})
  void patternThatGoesBackAndForthDoesNotHang(String pattern) throws Exception {
    EndingRules rules = own("name trap\nclass login\nmatch " + pattern);
    String tail = ("a".repeat(480) + "\n").repeat(19) + LIMIT;
    assertTimeoutPreemptively(
        Duration.ofSeconds(10),
        () ->
            assertEquals(Optional.of("claude-limit-epoch"), judge(rules, tail).map(Verdict::rule)));
  }

  @Test
  void longLinesOfAnyShapeAreJudgedInTime() {
    EndingRules rules = EndingRules.shipped();
    List<String> tails = new ArrayList<>(List.of("", "\n", "{", "{\n", "}\n", "{}"));
    for (String unit :
        List.of(
            "{\n",
            "{}\n",
            "{\n}\n",
            "\u001b[",
            "\u001b]",
            "\r",
            "{\"a\":",
            "://a:",
            "API Error: ",
            "You've hit your usage limit",
            "resets ",
            "{\"error\":{\"message\":\"quota reached \"}}\n",
            "\ud83d")) {
      tails.add(unit.repeat(200_000 / unit.length()));
    }
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          for (String tail : tails) {
            for (int exit : new int[] {0, 1}) {
              rules.judge(OptionalInt.of(exit), tail, NOW, ZoneOffset.UTC);
            }
            OutputCause.of(tail);
            OutputCause.claudeCost(tail);
          }
        });
  }

  /** 10,000 outputs of the corpus, cut, joined and with wrong bytes. */
  @Test
  void mutatedOutputsThrowNothingAndAreJudgedInTime() throws Exception {
    var random = new Random(20261130);
    EndingRules rules = EndingRules.shipped();
    List<byte[]> outputs =
        Corpus.entries().stream()
            .map(entry -> entry.text().getBytes(StandardCharsets.UTF_8))
            .toList();
    int matched = 0;
    Duration slowest = Duration.ZERO;
    for (int i = 0; i < 10_000; i++) {
      String tail = mutated(outputs, random);
      OptionalInt exit =
          random.nextBoolean() ? OptionalInt.of(random.nextInt(3)) : OptionalInt.empty();
      long start = System.nanoTime();
      Optional<Verdict> verdict = rules.judge(exit, tail, NOW, ZoneOffset.UTC);
      Optional<String> cause = OutputCause.of(tail);
      OutputCause.claudeCost(tail);
      Duration took = Duration.ofNanos(System.nanoTime() - start);
      slowest = took.compareTo(slowest) > 0 ? took : slowest;
      matched += verdict.isPresent() ? 1 : 0;
      verdict.flatMap(Verdict::until).ifPresent(EndingRulesTest::assertWithinBounds);
      verdict.ifPresent(found -> assertTrue(found.line().length() <= 500));
      cause.ifPresent(text -> assertTrue(text.length() <= 1000 && !text.contains("\n")));
    }
    assertTrue(slowest.compareTo(Duration.ofSeconds(5)) < 0, "slowest: " + slowest);
    assertTrue(matched > 1_000, "only " + matched + " still matched");
  }

  private static void assertWithinBounds(Instant until) {
    assertTrue(!until.isBefore(NOW.plusSeconds(60)), until::toString);
    assertTrue(!until.isAfter(NOW.plus(Duration.ofDays(8))), until::toString);
  }

  private static String mutated(List<byte[]> outputs, Random random) {
    byte[] bytes = outputs.get(random.nextInt(outputs.size())).clone();
    int changes = random.nextInt(6);
    for (int i = 0; i < changes && bytes.length > 0; i++) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
    }
    int start = random.nextInt(4) == 0 && bytes.length > 0 ? random.nextInt(bytes.length) : 0;
    int length =
        random.nextInt(4) == 0 ? random.nextInt(bytes.length - start + 1) : bytes.length - start;
    String text = new String(bytes, start, length, StandardCharsets.UTF_8);
    return random.nextInt(4) == 0 ? mutated(outputs, random) + text : text;
  }

  private static EndingRules own(String text) throws EndingRulesException {
    return EndingRules.of(text, "own.conf");
  }

  private static Optional<Verdict> judge(EndingRules rules, String tail) {
    return rules.judge(OptionalInt.of(1), tail, NOW, ZoneOffset.UTC);
  }
}
