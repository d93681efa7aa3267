package com.cape.worker.ending;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RuleParserTest {
  private static final String RIGHT = "name a\nclass limit\nmatch too many\n";

  @Test
  void ownRulesComeBeforeTheShippedOnesJsonFirst() throws EndingRulesException {
    EndingRules rules =
        EndingRules.of(
            String.join(
                "\r\n",
                "\uFEFF# mine",
                "name text",
                "class limit",
                "match too many",
                "",
                "name json",
                "class login",
                "last type = error",
                ""),
            "mine.conf");
    assertEquals(List.of("json", "text"), rules.names().subList(0, 2));
    assertEquals(2, rules.ownCount());
    assertEquals(EndingRules.shipped().names(), rules.names().subList(2, rules.names().size()));
  }

  @Test
  void fileOfCommentsHasNoRules() throws EndingRulesException {
    assertEquals(0, EndingRules.of("# nothing\n\n  \n", "x").ownCount());
  }

  @Test
  void shippedRulesCanBeCopiedIntoAFile() throws EndingRulesException {
    EndingRules rules = EndingRules.of(EndingRules.shippedText(), "copy.conf");
    assertEquals(EndingRules.shipped().names().size(), rules.ownCount());
  }

  @Test
  void rulesOfTheDocumentationAreRight() throws Exception {
    String examples =
        Files.readAllLines(Path.of("docs", "ENDINGS.md")).stream()
            .map(line -> line.replaceFirst("^ {7}(?! )", "\t"))
            .map(line -> line.startsWith("\t") && !line.contains("cape-worker") ? line : "")
            .reduce("", (all, line) -> all + line + "\n");
    EndingRules rules = EndingRules.of(examples, "ENDINGS.md");
    assertEquals(List.of("gateway-json-limit", "gateway-limit"), rules.names().subList(0, 2));
    assertEquals(2, rules.ownCount());
  }

  @Test
  void everyMistakeIsListedWithItsLine() {
    var thrown =
        assertThrows(
            EndingRulesException.class,
            () ->
                EndingRules.of(
                    "name a\nclass limits\nmatch (\n\nclass login\nmatch x y\n\nname c\nclass spend\nreset soon\n",
                    "r.conf"));
    assertEquals(
        List.of(
            "r.conf line 2: 'limits' is no class; there are limit, overload, spend, login, failed",
            "r.conf line 3: the pattern is wrong at character 2: Unclosed group; see java.util.regex.Pattern",
            "r.conf line 5: a rule without a name; add a line 'name ...'",
            "r.conf line 8: the rule 'c' looks for nothing; add 'match' or 'last'",
            "r.conf line 10: 'soon' is no reset; write epoch, duration or clock, and a field if it stands in one"),
        thrown.mistakes());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "nam b | 'nam' is no key; there are name, class",
        "wait | 'wait' has no value",
        "wait 5 | '5' is no wait; write 90s, 15m, 2h or 1d",
        "exit one | 'one' is no exit code",
        "exit 256 | '256' is no exit code",
        "class login | a second 'class' in one rule; an empty line ends a rule",
        "match again | a second 'match'",
        "last type = x | the rule 'a' has 'match' and JSON conditions",
        "last type | 'type' is no condition",
        "reset clock | no pattern has the group (?<reset>...)",
        "reset epoch a.b | a field for 'reset' needs JSON conditions"
      })
  void mistakeIsNamed(String line, String expected) {
    var thrown =
        assertThrows(EndingRulesException.class, () -> EndingRules.of(RIGHT + line, "r.conf"));
    assertTrue(
        thrown.mistakes().stream().anyMatch(mistake -> mistake.contains(expected)),
        thrown.getMessage());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "name A B | must be 1-60 of a-z",
        "name a | there is a rule 'a' already",
        "name b | the rule 'b' has no class"
      })
  void mistakeOfAFurtherRuleIsNamed(String line, String expected) {
    var thrown =
        assertThrows(
            EndingRulesException.class, () -> EndingRules.of(RIGHT + "\n" + line, "r.conf"));
    assertTrue(thrown.getMessage().contains(expected), thrown.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"match .*", "match (a|.)+", "match .*|limit"})
  void patternThatMatchesAnyLineIsAMistake(String match) {
    var thrown =
        assertThrows(
            EndingRulesException.class,
            () -> EndingRules.of("name a\nclass limit\n" + match, "r.conf"));
    assertTrue(thrown.getMessage().contains("matches any line"), thrown.getMessage());
  }

  @Test
  void fileThatIsNoneIsAMistake(@TempDir Path directory) throws Exception {
    assertEquals(1, EndingRules.mistakes(directory).size());
    assertTrue(EndingRules.mistakes(directory.resolve("no")).get(0).contains("does not exist"));
    Path large = Files.write(directory.resolve("large"), new byte[300 * 1024]);
    assertTrue(EndingRules.mistakes(large).get(0).contains("larger than 256 KiB"));
    Path right = Files.writeString(directory.resolve("right"), RIGHT);
    assertEquals(List.of(), EndingRules.mistakes(right));
  }
}
