package com.cape.worker.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.host.CommandCheck;
import com.cape.worker.worker.ClaimGate.Hold;
import com.cape.worker.worker.ClaimGate.Reason;
import com.cape.worker.worker.state.BeatClock;
import com.cape.worker.worker.state.Drain;
import com.cape.worker.worker.state.LeaseTimes;
import com.cape.worker.worker.state.Listeners;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ClaimGateTest {
  private static final Duration FIRST = Duration.ofSeconds(15);
  private static final LeaseTimes TIMES =
      new LeaseTimes(Duration.ofMinutes(5), Duration.ofSeconds(10));

  private final RecordingListener listener = new RecordingListener();
  private final Drain drain = new Drain();
  private final ClaimGate gate = gate("sh");

  private ClaimGate gate(String command) {
    return new ClaimGate(
        drain,
        new CommandCheck(command, Path.of("/"), "/bin"),
        WorkerFixture.commands(),
        new BeatClock(TIMES),
        new Listeners(listener));
  }

  @Test
  void firstReasonCounts() {
    assertEquals(Optional.empty(), gate.hold());
    gate.startFailed("no memory");
    assertEquals(Optional.of(Reason.HOST_RESTING), reason());
    drain.begin("test");
    assertEquals(Optional.of(Reason.DRAINING), reason());
  }

  @Test
  void missingCommandIsNamedAndMakesTheWorkerRest() {
    ClaimGate missing = gate("no-such-command");
    assertEquals(Reason.COMMAND_MISSING, missing.current().orElseThrow().reason());
    assertTrue(missing.hold().orElseThrow().text().contains("no-such-command"));
    assertEquals(List.of("paused START"), listener.events);
  }

  @Test
  void firstRestLasts15SecondsAndAFailureMeanwhileDoesNotProlongIt() {
    gate.startFailed("no such command");
    gate.startFailed("no such command");
    Duration left = gate.hold().orElseThrow().again();
    assertTrue(left.compareTo(FIRST) <= 0, left.toString());
    assertTrue(left.compareTo(FIRST.minusSeconds(5)) > 0, left.toString());
  }

  @Test
  void startThatIsOlderThanTheFailureEndsNothing() {
    long before = System.nanoTime();
    gate.startFailed("no such command");
    gate.started(before - 1);
    assertEquals(Optional.of(Reason.HOST_RESTING), reason());
  }

  @Test
  void startOfACommandEndsTheRestAndTheNextOneIsAFirstAgain() {
    gate.startFailed("no such command");
    gate.started(System.nanoTime());
    assertEquals(Optional.empty(), gate.hold());
    assertEquals(List.of("paused START", "resumed START"), listener.events);
    gate.startFailed("no such command");
    assertTrue(gate.hold().orElseThrow().again().compareTo(FIRST) <= 0);
  }

  @Test
  void pauseIsAnnouncedOnceAndItsEndToo() {
    var pause = Optional.of(new Hold(Reason.PAUSED, "lunch", Duration.ofHours(1)));
    gate.answered(pause);
    gate.answered(pause);
    assertEquals(pause, gate.current());
    gate.answered(Optional.empty());
    assertEquals(List.of("paused REQUESTED", "resumed REQUESTED"), listener.events);
  }

  private Optional<Reason> reason() {
    return gate.hold().map(Hold::reason);
  }
}
