package com.cape.worker.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(value = 30, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class AttemptLogTest {
  private final Claim claim = RunFixture.claim("an issue");
  @TempDir private Path directory;

  @AutoClose private final CommandRunner runner = new CommandRunner(RunFixture.PERL, Set.of());

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rm $log",
        "rm -r ${log%/*/*}",
        "rm $log; mkfifo $log",
        "rm $log; echo another >$log",
        "rm $log; ln -s /etc/hostname $log",
        "mv $log $log.moved"
      })
  void outputOfAWorkflowThatDeletesOrReplacesItsLogIsKept(String spoils) throws Exception {
    RunSpec spec = new RunFixture(directory).spec(List.of("/bin/true"), Map.of());
    Path log = spec.output().path();
    String script = "log=%s; echo before; %s; echo after".formatted(log, spoils);
    Ending ending = runner.start(RunFixture.bash(spec, script), () -> {}).await();
    assertEquals(Optional.empty(), ending.stopReason());
    assertEquals("before\nafter\n", spec.output().tail());
    spec.output().close();
    assertTrue(Files.isRegularFile(log, LinkOption.NOFOLLOW_LINKS));
    assertEquals("before\nafter\n", Files.readString(log));
    assertEquals("rw-------", permissions(log));
    assertFalse(Files.readString(Path.of("/etc/hostname")).contains("after"));
  }

  @Test
  void limitAndTimeoutHoldWhereTheLogWasReplacedByAPipe() throws Exception {
    RunSpec spec = new RunFixture(directory).spec(List.of("/bin/true"), Map.of());
    Path log = spec.output().path();
    String script = "rm %s; mkfifo %s; exec yes".formatted(log, log);
    Ending ending = runner.start(RunFixture.bash(spec, script), () -> {}).await();
    assertEquals(Optional.of(StopReason.OUTPUT_LIMIT), ending.stopReason());
    spec.output().close();
    assertEquals(spec.outputLimitBytes(), Files.size(log));
  }

  @ParameterizedTest
  @ValueSource(strings = {"mkfifo \"$1\"", "ln -s /etc/hostname \"$1\"", "mkdir \"$1\"", ":"})
  void tailOfAPredecessorsRunIsEmptyWhereNoRegularFileIs(String makes) throws Exception {
    Path log;
    try (AttemptLog created = AttemptLog.create(directory, claim)) {
      log = created.path();
      Files.delete(log);
      var make = new ProcessBuilder("/bin/sh", "-c", makes, "sh", log.toString()).start();
      assertEquals(0, make.waitFor());
      assertEquals("", AttemptLog.output(directory, claim).tail());
      Files.deleteIfExists(log);
    }
    assertEquals("", AttemptLog.output(directory, claim).tail());
    Files.writeString(log, "printed");
    assertEquals("printed", AttemptLog.output(directory, claim).tail());
  }

  @Test
  void logThatAnotherDatabaseHasLeftIsRenamed() throws Exception {
    try (AttemptLog first = AttemptLog.create(directory, claim)) {
      Files.writeString(first.path(), "of another");
    }
    try (AttemptLog second = AttemptLog.create(directory, claim)) {
      assertEquals("", Files.readString(second.path()));
      assertEquals("rw-------", permissions(second.path()));
      try (Stream<Path> all = Files.list(second.path().getParent())) {
        Path other = all.filter(one -> !one.equals(second.path())).findFirst().orElseThrow();
        assertEquals("of another", Files.readString(other));
      }
    }
  }

  @Test
  void folderThatAWorkflowReplacedByAFileIsMovedAside() throws Exception {
    Files.writeString(directory.resolve("1"), "no folder");
    try (AttemptLog log = AttemptLog.create(directory, claim)) {
      assertTrue(Files.isRegularFile(log.path()));
    }
    try (Stream<Path> all = Files.list(directory)) {
      assertEquals(2, all.count());
    }
  }

  @Test
  void folderThatLogRetentionDeletesAllTheTimeDelaysNoLog() throws Exception {
    Path folder = directory.resolve("1");
    var going = new AtomicBoolean(true);
    var retention =
        CompletableFuture.runAsync(
            () -> {
              while (going.get()) {
                delete(folder);
              }
            });
    for (int i = 0; i < 2000; i++) {
      AttemptLog log = AttemptLog.create(directory, claim);
      Files.delete(log.path());
    }
    going.set(false);
    retention.get();
  }

  private static void delete(Path folder) {
    try {
      Files.deleteIfExists(folder);
    } catch (IOException e) {
      // A file is in it.
    }
  }

  private static String permissions(Path file) throws Exception {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }
}
