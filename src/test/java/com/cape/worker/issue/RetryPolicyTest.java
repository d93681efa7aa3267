package com.cape.worker.issue;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class RetryPolicyTest {
  private static final RandomGenerator MIDDLE = () -> 1L << 63;
  private static final RandomGenerator LOWEST = () -> 0L;

  private final RetryPolicy policy =
      new RetryPolicy(5, Duration.ofSeconds(15), Duration.ofHours(1));

  @Test
  void waitGrowsFourfold() {
    assertEquals(Optional.of(Duration.ofSeconds(15)), policy.backoffAfter(1, MIDDLE));
    assertEquals(Optional.of(Duration.ofSeconds(60)), policy.backoffAfter(2, MIDDLE));
    assertEquals(Optional.of(Duration.ofMinutes(4)), policy.backoffAfter(3, MIDDLE));
  }

  @Test
  void waitVariesByAFifth() {
    assertEquals(Optional.of(Duration.ofSeconds(12)), policy.backoffAfter(1, LOWEST));
  }

  @Test
  void lastAttemptHasNoNext() {
    assertEquals(Optional.empty(), policy.backoffAfter(5, MIDDLE));
    assertEquals(Optional.empty(), policy.backoffAfter(6, MIDDLE));
  }

  @Test
  void withoutALimitTheWaitStopsAtItsCap() {
    var endless = new RetryPolicy(0, Duration.ofSeconds(15), Duration.ofHours(1));
    assertEquals(Optional.of(Duration.ofHours(1)), endless.backoffAfter(400, MIDDLE));
    assertTrue(endless.backoffAfter(Integer.MAX_VALUE, LOWEST).isPresent());
  }
}
