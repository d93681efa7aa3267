package com.cape.worker.cli.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class WordsTest {
  @ParameterizedTest
  @CsvSource({
    "90,90",
    "90s,90",
    "15m,900",
    "2h,7200",
    "1d,86400",
    "1h30m,5400",
    "1d2h3m4s,93784",
    "0,0"
  })
  void durationsAreRead(String text, long seconds) {
    assertEquals(Duration.ofSeconds(seconds), Words.duration(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "m", "-5m", "5 minutes", "1m1h", "1.5h", "99999999999", "soon"})
  void otherTextsAreRefused(String text) {
    assertThrows(TypeConversionException.class, () -> Words.duration(text));
  }
}
