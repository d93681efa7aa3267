package com.cape.worker.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(value = 10, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RunFolderTest {
  private final Claim claim = RunFixture.claim("caf\u00e9 \u0001\n");
  @TempDir private Path parent;
  private Path runs;
  private RunFolder folder;

  @BeforeEach
  void create() throws IOException {
    runs = parent.resolve("runs");
    folder = RunFolder.create(runs, claim);
  }

  @Test
  void folderIsPrivateAndItsIssueFileHoldsTheDescriptionExactly() throws Exception {
    assertEquals(claim.description(), Files.readString(folder.issueFile()));
    assertEquals("rwx------", permissions(folder.path()));
    assertEquals("rw-------", permissions(folder.issueFile()));
    assertThrows(FileAlreadyExistsException.class, () -> RunFolder.create(runs, claim));
  }

  @Test
  void successorFindsTheClaimAndWhatWasKept() throws Exception {
    var ending =
        new Ending(
            OptionalInt.of(3), Optional.of(StopReason.TIMEOUT), Duration.ofMillis(7), 0, List.of());
    folder.keep(ending);
    folder.keepNotStarted("no such command");
    RunFolder left = RunFolder.left(runs, RunFixture.INSTANCE).get(0);
    assertEquals(
        new Claim(1, 1, 1, claim.runId(), RunFixture.INSTANCE, "", Optional.empty()), left.claim());
    assertEquals(Optional.of(ending), left.kept());
    assertEquals(Optional.of("no such command"), left.notStarted());
    left.delete();
    assertFalse(folder.exists());
    assertEquals(List.of(), RunFolder.left(runs, RunFixture.INSTANCE));
  }

  @Test
  void pipesInThePlaceOfItsFilesBlockNobody() throws Exception {
    var script = "mkfifo ending not-started record spec stop";
    var pipes = new ProcessBuilder("/bin/sh", "-c", script).directory(folder.path().toFile());
    assertEquals(0, pipes.start().waitFor());
    assertEquals(Optional.empty(), folder.kept());
    assertEquals(Optional.empty(), folder.notStarted());
    assertTrue(folder.ofThisMachine());
    assertEquals(Report.of(List.of()), folder.record());
    folder.keepNotStarted("why");
    assertEquals(Optional.of("why"), folder.notStarted());
    folder.keep(new Ending(OptionalInt.empty(), Optional.empty(), Duration.ZERO, 0, List.of()));
    assertTrue(folder.kept().isPresent());
    folder.delete();
    assertFalse(folder.exists());
  }

  @Test
  void whatCannotBeReadIsSetAsideAndStopsNoOther() throws Exception {
    Path precious = Files.createDirectory(parent.resolve("precious"));
    Files.writeString(precious.resolve("record"), "of another");
    RunFolder replaced = RunFolder.of(runs, RunFixture.claim(""));
    Files.createSymbolicLink(replaced.path(), precious);
    Files.createDirectories(runs.resolve("no run").resolve("deep"));
    for (int i = 0; i < 2; i++) {
      assertEquals(
          List.of(claim.runId()),
          RunFolder.left(runs, RunFixture.INSTANCE).stream().map(RunFolder::runId).toList());
    }
    assertEquals("of another", Files.readString(precious.resolve("record")));
    try (Stream<Path> all = Files.list(runs)) {
      assertEquals(
          List.of(folder.path().getFileName().toString(), "unreadable-" + name(replaced)),
          all.map(one -> one.getFileName().toString()).sorted().toList());
    }
  }

  @Test
  void deleteFollowsNoLink() throws Exception {
    Path precious = Files.createFile(parent.resolve("precious"));
    Files.createSymbolicLink(folder.path().resolve("link"), parent);
    folder.delete();
    assertFalse(folder.exists());
    assertTrue(Files.exists(precious));
    folder.delete();
  }

  private static String name(RunFolder folder) {
    return folder.path().getFileName().toString();
  }

  private static String permissions(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }
}
