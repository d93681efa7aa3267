package com.cape.worker.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TimesTest {
  @ParameterizedTest
  @CsvSource({"7,7s", "0,0s", "-3,0s", "306,5m 06s", "3660,1h 01m", "273600,3d 4h"})
  void durationsAreToldInTheirTwoLargestUnits(long seconds, String text) {
    assertEquals(text, Times.brief(Duration.ofSeconds(seconds)));
  }
}
