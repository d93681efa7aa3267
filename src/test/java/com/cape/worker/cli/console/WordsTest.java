package com.cape.worker.cli.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class WordsTest {
  private static final List<String> WORDS = List.of("status", "list", "show", "submit");

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

  @Test
  void nearestWordIsFound() {
    assertEquals("; did you mean 'status'?", Words.nearMiss("sttaus", WORDS));
    assertEquals("; did you mean 'list'?", Words.nearMiss("lst", WORDS));
    assertEquals("; did you mean 'submit'?", Words.nearMiss("sumbit", WORDS));
    assertEquals("; did you mean 'show'?", Words.nearMiss("shwo", WORDS));
  }

  @Test
  void nothingIsFoundForAWordThatIsFarFromAll() {
    assertEquals("", Words.nearMiss("frobnicate", WORDS));
    assertEquals("", Words.nearMiss("", WORDS));
    assertEquals("", Words.nearMiss("x", WORDS));
  }
}
