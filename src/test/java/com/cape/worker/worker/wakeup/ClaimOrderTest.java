package com.cape.worker.worker.wakeup;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.store.queue.WorkerRepository.HeartbeatReply;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ClaimOrderTest {
  private static final long ISSUE = 4_711;

  @Test
  void oneIssueIsLookedForByOneAndTwoStandBy() {
    List<Optional<Duration>> turns = turns(50, 1);
    assertEquals(List.of(0L, 10L, 100L), millis(turns));
    assertEquals(47, turns.stream().filter(Optional::isEmpty).count());
  }

  @Test
  void asManyLookAsThereAreIssues() {
    List<Optional<Duration>> turns = turns(50, 20);
    assertEquals(20, turns.stream().filter(Optional.of(Duration.ZERO)::equals).count());
    assertEquals(28, turns.stream().filter(Optional::isEmpty).count());
    assertEquals(50, turns(50, 1_000).stream().filter(Optional.of(Duration.ZERO)::equals).count());
  }

  @Test
  void issuesInsertedTogetherOrOneByOneAreTheSameWorkersTurn() {
    for (int rank = 0; rank < 7; rank++) {
      ClaimOrder fleet = fleet(rank, 7);
      Optional<Duration> alone =
          IntStream.range(0, 3)
              .mapToObj(n -> fleet.turn(1, ISSUE + n))
              .filter(Optional.of(Duration.ZERO)::equals)
              .findFirst()
              .orElse(Optional.empty());
      assertEquals(alone.isPresent(), fleet.turn(3, ISSUE).equals(Optional.of(Duration.ZERO)));
    }
  }

  @Test
  void loneWorkerAndOneThatHearsNothingAlwaysLook() {
    assertEquals(Optional.of(Duration.ZERO), fleet(0, 1).turn(1, ISSUE));
    var deaf = new ClaimOrder(() -> false);
    deaf.update(new HeartbeatReply(7, 50, false, false, false));
    assertEquals(Optional.of(Duration.ZERO), deaf.turn(1, ISSUE));
  }

  private static List<Optional<Duration>> turns(int ready, int count) {
    return IntStream.range(0, ready)
        .mapToObj(rank -> fleet(rank, ready).turn(count, ISSUE))
        .toList();
  }

  private static List<Long> millis(List<Optional<Duration>> turns) {
    return turns.stream().flatMap(Optional::stream).map(Duration::toMillis).sorted().toList();
  }

  private static ClaimOrder fleet(int rank, int ready) {
    var fleet = new ClaimOrder(() -> true);
    fleet.update(new HeartbeatReply(rank, ready, false, false, false));
    return fleet;
  }
}
