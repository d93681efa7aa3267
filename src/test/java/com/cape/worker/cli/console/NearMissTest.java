package com.cape.worker.cli.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NearMissTest {
  private static final List<String> WORDS = List.of("status", "list", "show", "submit");

  @Test
  void nearestWordIsFound() {
    assertEquals(Optional.of("status"), NearMiss.of("sttaus", WORDS));
    assertEquals(Optional.of("list"), NearMiss.of("lst", WORDS));
    assertEquals(Optional.of("submit"), NearMiss.of("sumbit", WORDS));
    assertEquals(Optional.of("show"), NearMiss.of("shwo", WORDS));
  }

  @Test
  void nothingIsFoundForAWordThatIsFarFromAll() {
    assertEquals(Optional.empty(), NearMiss.of("frobnicate", WORDS));
    assertEquals(Optional.empty(), NearMiss.of("", WORDS));
    assertEquals("", NearMiss.hint("x", WORDS));
  }
}
