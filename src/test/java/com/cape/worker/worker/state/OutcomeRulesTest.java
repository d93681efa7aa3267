package com.cape.worker.worker.state;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.ending.EndingClass;
import com.cape.worker.ending.Verdict;
import com.cape.worker.issue.Claim;
import com.cape.worker.issue.Pacing;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.run.Ending;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.pause.PauseOrder;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.store.queue.IssueRepository.Streak;
import com.cape.worker.store.queue.Settlement;
import com.cape.worker.worker.state.OutcomeRules.End;
import com.cape.worker.worker.state.OutcomeRules.Scopes;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutcomeRulesTest {
  private static final Instant NOW = Instant.parse("2026-12-01T12:00:00Z");
  private static final Scopes SCOPES =
      new Scopes(PauseScope.account("a"), PauseScope.worker(new WorkerId("w")));
  private final OutcomeRules rules =
      new OutcomeRules(
          new RetryPolicy(3, Duration.ofSeconds(15), Duration.ofHours(1)),
          Pacing.STANDARD,
          () -> 1L << 63);

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
    Settlement settlement = settle(attempt, exit, stop, throttledBefore, "output");
    assertEquals(outcome, settlement.outcome().name());
    assertEquals(status, settlement.status().name());
    assertEquals(wait, settlement.backoff().map(Duration::toSeconds).orElse(-1L));
    assertEquals(counted, settlement.counted());
    assertEquals(Optional.ofNullable(exit), settlement.exitCode());
    assertEquals(status.equals("COMPLETED"), settlement.error().isEmpty());
  }

  @ParameterizedTest
  @CsvSource({
    // exit, attempt, class, minutes to the limit's end, in a row before, others completed
    //  | outcome, status, wait, counted, paused, first wait
    "1, 1, LIMIT,   120, 0, false, THROTTLED,  PENDING, 7200, false, account:a limit 7200",
    "1, 5, LIMIT,   120, 9, false, THROTTLED,  PENDING, 7200, false, account:a limit 7200",
    "1, 1, LIMIT,   ,    0, true,  THROTTLED,  PENDING, 900,  false, account:a limit 900",
    "1, 1, LIMIT,   120, 2, true,  THROTTLED,  PENDING, 7200, true,  ",
    "1, 3, LIMIT,   ,    2, true,  THROTTLED,  FAILED,  -1,   true,  ",
    "1, 1, OVERLOAD,,    0, true,  OVERLOADED, PENDING, 60,   false, ",
    "1, 9, OVERLOAD,,    2, true,  OVERLOADED, PENDING, 240,  false, ",
    "1, 1, OVERLOAD,,    3, true,  OVERLOADED, PENDING, 480,  true,  ",
    "1, 9, OVERLOAD,,    9, false, OVERLOADED, PENDING, 900,  false, ",
    "1, 9, SPEND,   ,    9, true,  REFUSED,    PENDING, -1,   false, account:a spend 3600",
    "1, 9, LOGIN,   ,    9, true,  REFUSED,    PENDING, -1,   false, w login 300",
    "0, 1, FAILED,  ,    0, true,  FAILED,     PENDING, 15,   true,  ",
    "65,1, LIMIT,   120, 0, true,  FAILED,     FAILED,  -1,   true,  ",
    "75,1, OVERLOAD,,    0, true,  THROTTLED,  PENDING, 900,  false, account:a limit 900",
  })
  void eachClassHasItsRow(
      int exit,
      int attempt,
      EndingClass kind,
      Long minutes,
      int before,
      boolean others,
      String outcome,
      String status,
      long wait,
      boolean counted,
      String pause) {
    var until = Optional.ofNullable(minutes).map(left -> NOW.plus(Duration.ofMinutes(left)));
    var verdict = new Verdict(kind, until, "rule", "it says so");
    Settlement settlement =
        rules.settle(
            end(attempt, exit, null, Optional.of(verdict), "output"),
            asked -> new Streak(before, others));
    assertEquals(outcome, settlement.outcome().name());
    assertEquals(status, settlement.status().name());
    assertEquals(wait, settlement.backoff().map(Duration::toSeconds).orElse(-1L));
    assertEquals(counted, settlement.counted());
    assertEquals(Optional.ofNullable(pause), settlement.pause().map(OutcomeRulesTest::described));
    assertTrue(settlement.error().orElseThrow().lines().findFirst().get().endsWith("it says so"));
  }

  private static String described(PauseOrder order) {
    return "%s %s %d"
        .formatted(order.scope().text(), order.kind().word(), order.waits().get(0).toSeconds());
  }

  @Test
  void signalIsNamedAsShellsReportIt() {
    assertEquals(Optional.of(11), settle(1, 139, null, 0, "").signal());
    assertEquals(Optional.empty(), settle(1, 7, null, 0, "").signal());
  }

  @Test
  void errorIsOneLineThenTheEndOfTheOutput() {
    String error = settle(2, 7, null, 0, "é".repeat(4096)).error().orElseThrow();
    assertTrue(error.startsWith("attempt 2 failed: exit 7 after 3 s\né"), error);
    assertTrue(error.getBytes(UTF_8).length <= 8192);
  }

  private Settlement settle(int attempt, Integer exit, StopReason stop, int before, String tail) {
    return rules.settle(
        end(attempt, exit, stop, Optional.empty(), tail), outcome -> new Streak(before, true));
  }

  private static End end(
      int attempt, Integer exit, StopReason stop, Optional<Verdict> verdict, String tail) {
    return new End(
        claim(attempt), ending(exit, stop), verdict, Optional.empty(), tail, NOW, SCOPES);
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
