package com.cape.worker.issue;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkerIdTest {
  @ParameterizedTest
  @ValueSource(strings = {"alleycat-1", "7", "A.b_c-D"})
  void namesAreTaken(String name) {
    assertEquals(name, new WorkerId(name).value());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-x", ".hidden", "a/b", "a b", "é", "a\n"})
  void whatCouldLeaveItsFolderIsRefused(String name) {
    assertThrows(IllegalArgumentException.class, () -> new WorkerId(name));
  }

  @Test
  void aHundredCharactersFit() {
    assertEquals(100, new WorkerId("x".repeat(100)).value().length());
    assertThrows(IllegalArgumentException.class, () -> new WorkerId("x".repeat(101)));
  }
}
