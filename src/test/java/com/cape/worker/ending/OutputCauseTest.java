package com.cape.worker.ending;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class OutputCauseTest {
  private static final String RESULT =
      "{\"type\":\"result\",\"is_error\":false,\"result\":\"Two tests\\n\\tfail.\",\"total_cost_usd\":1.25}\n";

  @Test
  void resultIsOneLine() {
    assertEquals(Optional.of("Two tests fail."), OutputCause.of(RESULT));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "All is done.\n", "{not JSON}\n", "{\"progress\":3}\n", "[1]\n"})
  void plainTextHasNone(String tail) {
    assertEquals(Optional.empty(), OutputCause.of(tail));
  }

  @Test
  void errorCountsBeforeTextAndASuccessDoesNot() {
    assertEquals(Optional.empty(), OutputCause.of(RESULT + "git push failed\n"));
    assertEquals(
        Optional.of("Two tests fail."),
        OutputCause.of(RESULT.replace("false", "true") + "wrapper: giving up\n"));
    assertEquals(Optional.of("Two tests fail."), OutputCause.of(RESULT + "{\"type\":\"sys"));
  }

  @Test
  void lastOneCountsWithItsSecretsHidden() {
    String error = "{\"type\":\"error\",\"message\":\"no push to https://u:s3cr3t@h/r\"}\n";
    assertEquals(Optional.of("no push to https://u:****@h/r"), OutputCause.of(RESULT + error));
    assertEquals(Optional.of("Two tests fail."), OutputCause.of(error + RESULT));
  }

  @Test
  void objectOverSeveralLinesIsRead() {
    assertEquals(
        Optional.of("No quota."),
        OutputCause.of(
            "Loaded.\n{\n  \"session_id\": \"s\",\n  \"error\": {\n    \"message\": \"No quota.\"\n  }\n}\n"));
    assertEquals(
        Optional.of("Done."),
        OutputCause.of("{\n  \"response\": \"Done.\",\n  \"stats\": {}\n}\n"));
  }

  @Test
  void longTextIsCut() {
    String text = "x".repeat(999) + "\ud83d\ude00";
    assertEquals(
        Optional.of("x".repeat(999)),
        OutputCause.of("{\"type\":\"error\",\"message\":\"" + text + "\"}"));
  }

  @Test
  void costIsThatOfTheLastLine() {
    assertEquals(Optional.of(new BigDecimal("1.25")), OutputCause.claudeCost("x\n" + RESULT));
    assertEquals(Optional.empty(), OutputCause.claudeCost(RESULT + "x\n"));
    assertEquals(Optional.empty(), OutputCause.claudeCost(RESULT + "{\"type\":\"system\"}\n"));
    assertEquals(Optional.empty(), OutputCause.claudeCost(""));
  }

  @ParameterizedTest
  @CsvSource({"-1", "100000", "\"1.25\"", "1e999999999", "null", "1e-999999999"})
  void costThatIsNoneIsLeftOut(String cost) {
    assertEquals(Optional.empty(), OutputCause.claudeCost(RESULT.replace("1.25", cost)));
  }
}
