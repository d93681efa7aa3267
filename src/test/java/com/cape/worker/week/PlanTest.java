package com.cape.worker.week;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.week.Plan.FaultKind;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlanTest {
  @Test
  void sameSeedGivesTheSameWeek() {
    assertEquals(Plan.of(3, 60), Plan.of(3, 60));
    assertNotEquals(Plan.of(3, 60), Plan.of(4, 60));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void eachWeekHasEachFault(long seed) {
    Plan plan = Plan.of(seed, 60);

    Set<FaultKind> kinds = plan.faults().stream().map(Plan.Fault::kind).collect(Collectors.toSet());
    assertEquals(Set.of(FaultKind.values()), kinds);
    List<Boolean> resets =
        plan.faults().stream()
            .filter(fault -> fault.kind() == FaultKind.LIMIT)
            .map(Plan.Fault::resetKnown)
            .toList();
    assertTrue(resets.contains(true), resets.toString());
    assertTrue(resets.contains(false), resets.toString());
  }

  @Test
  void eachHostIsRestartedAboutEvery45Minutes() {
    Plan plan = Plan.of(1, 60);

    for (String host : Plan.HOSTS) {
      long count = plan.restarts().stream().filter(r -> r.host().equals(host)).count();
      assertEquals(plan.horizon() / 45, (double) count, plan.horizon() / 45 * 0.15);
    }
  }
}
