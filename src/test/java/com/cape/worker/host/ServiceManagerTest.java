package com.cape.worker.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.FakeNotify;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ServiceManagerTest {
  @TempDir private Path directory;
  private FakeNotify systemd;

  @BeforeEach
  void start() throws IOException {
    systemd = new FakeNotify(directory);
  }

  @Test
  void factsArriveInOrderAndBeforeItIsClosed() {
    try (ServiceManager manager = manager(Map.of())) {
      manager.tell("READY=1", "STATUS=running \"issue\" $1 for 2 min \\");
      manager.tell("WATCHDOG=1");
    }
    assertEquals(
        List.of("READY=1|STATUS=running \"issue\" $1 for 2 min \\", "WATCHDOG=1"), systemd.told());
  }

  @Test
  void relayThatWasKilledIsReplaced() throws Exception {
    try (ServiceManager manager = manager(Map.of())) {
      manager.tell("READY=1");
      systemd.await("READY=1");
      List<ProcessHandle> relays =
          ProcessHandle.current()
              .children()
              .filter(child -> child.info().arguments().stream().anyMatch(this::namesUs))
              .toList();
      assertEquals(1, relays.size());
      relays.get(0).destroyForcibly();
      relays.get(0).onExit().get();
      manager.tell("WATCHDOG=1");
    }
    assertEquals(List.of("READY=1", "WATCHDOG=1"), systemd.told());
  }

  private boolean namesUs(String[] arguments) {
    // None is known of a process that is gone, or is not yet what it will be.
    return arguments.length > 0 && arguments[arguments.length - 1].startsWith(directory.toString());
  }

  @Test
  void nothingIsTriedWithoutASocket() {
    try (ServiceManager manager =
        ServiceManager.from(Map.of("WATCHDOG_USEC", "1000000"), notifier(), bash())) {
      assertFalse(manager.listens());
      assertEquals(Optional.empty(), manager.watchdog());
      manager.tell("READY=1");
    }
    assertEquals(List.of(), systemd.told());
  }

  @Test
  void missingProgramIsNoReasonToFail() {
    var missing = new CommandCheck("no-such-notify", directory, "/bin");
    try (ServiceManager manager =
        ServiceManager.from(Map.of("NOTIFY_SOCKET", "/run/x"), missing, bash())) {
      assertFalse(manager.listens());
      manager.tell("READY=1");
    }
  }

  @Test
  void watchdogOfAnotherProcessIsNotOurs() {
    assertEquals(
        Optional.of(Duration.ofMillis(1500)),
        manager(Map.of("WATCHDOG_USEC", "1500000")).watchdog());
    assertEquals(
        Optional.empty(),
        manager(Map.of("WATCHDOG_USEC", "1500000", "WATCHDOG_PID", "1")).watchdog());
    assertEquals(Optional.empty(), manager(Map.of("WATCHDOG_USEC", "soon")).watchdog());
    assertTrue(manager(Map.of()).listens());
  }

  private ServiceManager manager(Map<String, String> more) {
    Map<String, String> environment = new HashMap<>(more);
    environment.put("NOTIFY_SOCKET", "/run/x");
    return ServiceManager.from(environment, notifier(), bash());
  }

  private CommandCheck notifier() {
    return new CommandCheck("systemd-notify", directory, systemd.searchPath());
  }

  private static Path bash() {
    return Path.of("/usr/bin/perl");
  }
}
