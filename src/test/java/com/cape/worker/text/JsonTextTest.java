package com.cape.worker.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTextTest {
  @Test
  void valuesOfEachKindAreRead() {
    assertEquals(
        Optional.of(
            Map.of(
                "text",
                "a\n\u00e9",
                "number",
                new BigDecimal("1.50"),
                "flag",
                true,
                "nothing",
                JsonText.NULL,
                "list",
                List.of("x", Map.of("deep", new BigDecimal("-2E+3"))))),
        JsonText.object(
            " {\"text\":\"a\\n\\u00e9\",\"number\":1.50,\"flag\":true,\"nothing\":null,"
                + "\"list\":[\"x\",{\"deep\":-2E+3}]} "));
  }

  @Test
  void lastValueOfANameCounts() {
    assertEquals(Optional.of(Map.of("a", "2")), JsonText.object("{\"a\":\"1\",\"a\":\"2\"}"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "[]",
        "\"text\"",
        "{",
        "{\"a\":}",
        "{\"a\":1} x",
        "{\"a\":1}{\"b\":2}",
        "{\"a\":NaN}",
        "{'a':1}",
        "{\"a\":1000000000000000000000000000001}",
        "{\"a\":\"\u0000\"}"
      })
  void anythingElseIsNone(String text) {
    assertEquals(Optional.empty(), JsonText.object(text));
  }

  @Test
  void whatIsTooDeepIsNone() {
    assertEquals(
        Optional.empty(),
        JsonText.object("{\"a\":" + "[".repeat(20_000) + "]".repeat(20_000) + "}"));
  }
}
