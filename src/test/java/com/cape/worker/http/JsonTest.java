package com.cape.worker.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class JsonTest {
  @Test
  void valuesAreWrittenAsJson() {
    assertEquals(
        "{\"a\":1,\"b\":true,\"c\":null,\"d\":[\"x\",2],\"e\":{\"f\":1.5},\"g\":\"2026-11-24T09:30:00Z\"}",
        new Json()
            .with("a", 1)
            .with("b", true)
            .with("c", Optional.empty())
            .with("d", List.of("x", 2))
            .with("e", new Json().with("f", Duration.ofMillis(1500)))
            .with("g", Instant.parse("2026-11-24T09:30:00Z"))
            .toString());
  }

  @Test
  void whatATerminalCouldTakeForACodeIsEscaped() {
    assertEquals(
        "\"\\u001b[2J\\u0000\\u009b\\u202e\\u2028\\\"\\\\\\n\\td😀\\ud83d\"",
        Json.text("\u001b[2J\u0000\u009b\u202e\u2028\"\\\n\td😀\ud83d"));
  }

  @Test
  void passwordsAreMasked() {
    assertEquals("\"postgresql://u:****@h/d\"", Json.text("postgresql://u:s3cr3t@h/d"));
  }
}
