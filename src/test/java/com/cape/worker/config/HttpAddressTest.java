package com.cape.worker.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HttpAddressTest {
  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:8080, true",
    "127.3.2.1:0, true",
    "localhost:80, true",
    "LocalHost:80, true",
    "[::1]:8080, true",
    "[::ffff:127.0.0.1]:8080, true",
    "0.0.0.0:8080, false",
    "[::]:8080, false",
    "10.0.0.7:8080, false",
    "localhost.example:80, false",
    "127.0.0.1.example:80, false"
  })
  void addressIsReadAndKnowsWhetherOnlyThisHostReachesIt(String text, boolean loopback) {
    HttpAddress address = HttpAddress.parse(text);
    assertEquals(text, address.toString());
    assertEquals(loopback, address.loopback());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "8080",
        ":8080",
        "host",
        "host:",
        "host:x",
        "host:65536",
        "::1:80",
        "[x]:80",
        "[::1:2:3:4:5:6:7:8:9]:80",
        "http://host:80",
        "a b:80"
      })
  void otherTextsAreRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> HttpAddress.parse(text));
  }
}
