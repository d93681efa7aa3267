package com.cape.worker.worker.state;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.run.Ending;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.queue.Settlement;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutcomeRulesTest {
  private final OutcomeRules rules =
      new OutcomeRules(
          new RetryPolicy(3, Duration.ofSeconds(15), Duration.ofHours(1)), () -> 1L << 63);

  @ParameterizedTest
  @CsvSource({
    // exit, attempt, stop, throttled before | outcome, status, wait, counted
    "0,   1, ,             0, COMPLETED,    COMPLETED, -1,  true",
    "65,  1, ,             0, FAILED,       FAILED,    -1,  true",
    "75,  1, ,             0, THROTTLED,    PENDING,   900, false",
    "75,  3, ,             1, THROTTLED,    PENDING,   900, false",
    "75,  1, ,             2, THROTTLED,    PENDING,   900, true",
    "75,  3, ,             2, THROTTLED,    FAILED,    -1,  true",
    "7,   1, ,             0, FAILED,       PENDING,   15,  true",
    "139, 2, ,             0, FAILED,       PENDING,   60,  true",
    "7,   3, ,             0, FAILED,       FAILED,    -1,  true",
    ",    1, ,             0, FAILED,       PENDING,   15,  true",
    "143, 1, TIMEOUT,      0, TIMED_OUT,    PENDING,   15,  true",
    "0,   3, TIMEOUT,      0, TIMED_OUT,    FAILED,    -1,  true",
    "137, 1, OUTPUT_LIMIT, 0, OUTPUT_LIMIT, PENDING,   15,  true",
    "143, 3, INTERRUPTED,  0, INTERRUPTED,  PENDING,   -1,  false",
    "143, 1, CANCELLED,    0, CANCELLED,    CANCELLED, -1,  true",
    "0,   1, CANCELLED,    0, CANCELLED,    CANCELLED, -1,  true",
    "143, 1, LEASE_LOST,   0, INTERRUPTED,  PENDING,   -1,  false",
    "0,   1, LEASE_LOST,   0, INTERRUPTED,  PENDING,   -1,  false",
    "0,   1, WORKER_DIED,  0, LOST,         PENDING,   15,  true",
  })
  void eachEndingHasItsRow(
      Integer exit,
      int attempt,
      StopReason stop,
      int throttledBefore,
      String outcome,
      String status,
      long wait,
      boolean counted) {
    Settlement settlement =
        rules.settle(claim(attempt), ending(exit, stop), () -> throttledBefore, "output");
    assertEquals(outcome, settlement.outcome().name());
    assertEquals(status, settlement.status().name());
    assertEquals(wait, settlement.backoff().map(Duration::toSeconds).orElse(-1L));
    assertEquals(counted, settlement.counted());
    assertEquals(Optional.ofNullable(exit), settlement.exitCode());
    assertEquals(status.equals("COMPLETED"), settlement.error().isEmpty());
  }

  @Test
  void signalIsNamedAsShellsReportIt() {
    assertEquals(Optional.of(11), rules.settle(claim(1), ending(139, null), () -> 0, "").signal());
    assertEquals(Optional.empty(), rules.settle(claim(1), ending(7, null), () -> 0, "").signal());
  }

  @Test
  void errorIsOneLineThenTheEndOfTheOutput() {
    String error =
        rules.settle(claim(2), ending(7, null), () -> 0, "é".repeat(4096)).error().orElseThrow();
    assertTrue(error.startsWith("attempt 2 failed: exit 7 after 3 s\né"), error);
    assertTrue(error.getBytes(UTF_8).length <= 8192);
  }

  private static Claim claim(int attempt) {
    return new Claim(
        42, attempt, attempt, UUID.randomUUID(), UUID.randomUUID(), "text", Optional.empty());
  }

  private static Ending ending(Integer exit, StopReason stop) {
    return new Ending(
        exit == null ? OptionalInt.empty() : OptionalInt.of(exit),
        Optional.ofNullable(stop),
        Duration.ofSeconds(3),
        0,
        List.of());
  }
}
