package com.cape.worker.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.worker.state.Listeners;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StartPauseTest {
  private static final Duration FIRST = Duration.ofSeconds(15);

  private final RecordingListener listener = new RecordingListener();
  private final StartPause pause = new StartPause(new Listeners(listener));

  @Test
  void firstPauseLasts15Seconds() {
    assertEquals(Optional.empty(), pause.left());
    pause.failed("no such command");
    assertTrue(pause.left().orElseThrow().compareTo(FIRST) <= 0);
    assertTrue(pause.left().orElseThrow().compareTo(FIRST.minusSeconds(5)) > 0);
  }

  @Test
  void failureWhileItLastsDoesNotProlongIt() {
    pause.failed("no such command");
    pause.failed("no such command");
    assertTrue(pause.left().orElseThrow().compareTo(FIRST) <= 0);
  }

  @Test
  void startThatIsOlderThanTheFailureEndsNothing() {
    long before = System.nanoTime();
    pause.failed("no such command");
    pause.over(before - 1);
    assertTrue(pause.left().isPresent());
  }

  @Test
  void startOfACommandEndsItAndTheNextOneIsAFirstAgain() {
    pause.failed("no such command");
    pause.over(System.nanoTime());
    assertEquals(Optional.empty(), pause.left());
    assertEquals(List.of("paused START", "resumed START"), listener.events);
    pause.failed("no such command");
    assertTrue(pause.left().orElseThrow().compareTo(FIRST) <= 0);
  }
}
