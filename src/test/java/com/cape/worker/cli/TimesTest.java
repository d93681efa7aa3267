package com.cape.worker.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class TimesTest {
  private final Times.Reader reader = new Times.Reader();

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
    assertEquals(Duration.ofSeconds(seconds), reader.convert(text));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "m", "-5m", "5 minutes", "1m1h", "1.5h", "99999999999", "soon"})
  void otherTextsAreRefused(String text) {
    assertThrows(TypeConversionException.class, () -> reader.convert(text));
  }

  @ParameterizedTest
  @CsvSource({"7,7s", "0,0s", "-3,0s", "306,5m 06s", "3660,1h 01m", "273600,3d 4h"})
  void durationsAreToldInTheirTwoLargestUnits(long seconds, String text) {
    assertEquals(text, Times.brief(Duration.ofSeconds(seconds)));
  }
}
