package com.cape.worker.worker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.host.CommandCheck;
import com.cape.worker.host.ServiceManager;
import com.cape.worker.store.queue.WorkerState;
import com.cape.worker.testing.FakeNotify;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LifeSignsTest {
  private static final Duration LONG = Duration.ofMinutes(5);
  private static final Map<Long, Duration> NOTHING = Map.of();

  @TempDir private Path directory;
  private FakeNotify systemd;

  @BeforeEach
  void start() throws IOException {
    systemd = new FakeNotify(directory);
  }

  @Test
  void firstTurnTellsThatTheWorkerIsReadyAndLives() {
    try (ServiceManager manager = manager(Duration.ofMinutes(3))) {
      var signs = new LifeSigns(manager, LONG, LONG);
      signs.heartbeatTurned();
      signs.turned(() -> "idle");
      signs.turned(() -> "idle");
      assertEquals(Duration.ofSeconds(45), signs.longestWait());
      signs.stopping();
      signs.stopping();
    }
    assertEquals(List.of("READY=1|STATUS=idle|WATCHDOG=1", "STOPPING=1"), systemd.told());
  }

  @Test
  void loopThatWaitsForTheDatabaseIsReadyAndLives() {
    try (ServiceManager manager = manager(Duration.ofMinutes(3))) {
      new LifeSigns(manager, LONG, LONG).waiting();
    }
    assertEquals(List.of("READY=1|STATUS=waiting for the database|WATCHDOG=1"), systemd.told());
  }

  @Test
  void eachTurnFeedsTheWatchdogOnceItIsDue() {
    try (ServiceManager manager = manager(Duration.ofNanos(4000))) {
      var signs = new LifeSigns(manager, LONG, LONG);
      signs.heartbeatTurned();
      signs.turned(() -> "idle");
      signs.turned(() -> "idle");
    }
    assertEquals(List.of("READY=1|STATUS=idle|WATCHDOG=1", "WATCHDOG=1"), systemd.told());
  }

  @Test
  void loopDoesNotSpeakForAHeartbeatThatStandsStill() {
    try (ServiceManager manager = manager(Duration.ofNanos(4000))) {
      var signs = new LifeSigns(manager, Duration.ofNanos(1), LONG);
      signs.heartbeatTurned();
      signs.turned(() -> "idle");
      signs.turned(() -> "idle");
    }
    assertEquals(List.of("READY=1|STATUS=idle"), systemd.told());
  }

  @Test
  void statusThatComesTooSoonIsToldALittleLater() {
    try (ServiceManager manager = manager(Duration.ofMinutes(3))) {
      var signs = new LifeSigns(manager, LONG, LONG);
      signs.turned(() -> "idle");
      signs.turned(() -> "running issue 42");
      assertEquals(Duration.ofSeconds(1), signs.longestWait());
      assertEquals(1, calls());
      org.awaitility.Awaitility.await()
          .atMost(Duration.ofSeconds(5))
          .until(
              () -> {
                signs.turned(() -> "running issue 42");
                return signs.longestWait().equals(Duration.ofSeconds(45));
              });
    }
    assertEquals("STATUS=running issue 42", systemd.told().get(1));
    assertEquals(2, systemd.told().size());
  }

  private int calls() {
    systemd.await("READY=1");
    return systemd.told().size();
  }

  @Test
  void lineSaysWhatTheWorkerIsAt() {
    assertEquals("idle", StatusLine.of(WorkerState.IDLE, NOTHING, false));
    assertEquals("waiting for the database", StatusLine.of(WorkerState.IDLE, NOTHING, true));
    assertEquals("paused", StatusLine.of(WorkerState.PAUSED, NOTHING, false));
    assertEquals("draining", StatusLine.of(WorkerState.DRAINING, NOTHING, false));
    assertEquals(
        "running issue 42",
        StatusLine.of(WorkerState.WORKING, Map.of(42L, Duration.ofSeconds(59)), false));
    assertEquals(
        "running issue 42 for 12 min, waiting for the database",
        StatusLine.of(WorkerState.WORKING, Map.of(42L, Duration.ofMinutes(12)), true));
    assertEquals(
        "draining, running 2 issues, the longest for 3 min",
        StatusLine.of(
            WorkerState.DRAINING,
            Map.of(42L, Duration.ofMinutes(3), 43L, Duration.ofMinutes(1)),
            false));
  }

  @Test
  void workerIsAliveWhileLoopAndHeartbeatTurn() {
    var signs = LifeSigns.of(ServiceManager.NONE, LONG);
    assertTrue(signs.alive(), "nothing has begun to turn");
    signs.heartbeatTurned();
    signs.turned(() -> "");
    assertTrue(signs.alive());
  }

  @Test
  void workerWhoseLoopStandsStillIsNotAlive() {
    var signs = new LifeSigns(ServiceManager.NONE, LONG, Duration.ofNanos(1));
    signs.heartbeatTurned();
    signs.waiting();
    assertTrue(signs.alive(), "the loop has not begun to turn");
    signs.turned(() -> "");
    assertFalse(signs.alive());
  }

  @Test
  void workerWhoseHeartbeatStandsStillIsNotAlive() {
    var signs = new LifeSigns(ServiceManager.NONE, Duration.ofNanos(1), LONG);
    signs.turned(() -> "");
    signs.heartbeatTurned();
    assertFalse(signs.alive());
  }

  @Test
  void nobodyIsAskedForAStatusThatNobodyHears() {
    var signs = LifeSigns.of(ServiceManager.NONE, LONG);
    signs.turned(
        () -> {
          throw new AssertionError("asked");
        });
    assertFalse(ServiceManager.NONE.listens());
    assertTrue(systemd.told().isEmpty());
  }

  private ServiceManager manager(Duration watchdog) {
    long micros = Math.max(1, watchdog.toNanos() / 1000);
    return ServiceManager.from(
        Map.of("NOTIFY_SOCKET", "/run/x", "WATCHDOG_USEC", Long.toString(micros)),
        new CommandCheck("systemd-notify", directory, systemd.searchPath()),
        Path.of("/usr/bin/perl"));
  }
}
