package com.cape.worker.cli.console;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class NearMissTest {
  private static final List<String> WORDS = List.of("status", "list", "show", "submit");

  @Test
  void nearestWordIsFound() {
    assertEquals("; did you mean 'status'?", NearMiss.hint("sttaus", WORDS));
    assertEquals("; did you mean 'list'?", NearMiss.hint("lst", WORDS));
    assertEquals("; did you mean 'submit'?", NearMiss.hint("sumbit", WORDS));
    assertEquals("; did you mean 'show'?", NearMiss.hint("shwo", WORDS));
  }

  @Test
  void nothingIsFoundForAWordThatIsFarFromAll() {
    assertEquals("", NearMiss.hint("frobnicate", WORDS));
    assertEquals("", NearMiss.hint("", WORDS));
    assertEquals("", NearMiss.hint("x", WORDS));
  }
}
