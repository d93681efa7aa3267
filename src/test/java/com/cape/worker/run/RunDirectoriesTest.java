package com.cape.worker.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.issue.Claim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunDirectoriesTest {
  private final Claim first = claim(1, "the first one's text");
  private final Claim second = claim(2, "the second's");
  @TempDir private Path parent;
  private RunDirectories directories;

  @BeforeEach
  void run() throws IOException {
    directories = new RunDirectories(parent.resolve("runs"));
    directories.create(first);
    directories.prepare();
  }

  @Test
  void runGetsTheDirectoryThatIsReadyAndOneWithoutThatIsLikeIt() throws Exception {
    Path ready = all().stream().filter(one -> !one.equals(directories.of(first))).toList().get(0);
    Object inode = Files.getAttribute(ready, "unix:ino");
    directories.prepare();
    directories.create(second);
    assertEquals(inode, Files.getAttribute(directories.of(second), "unix:ino"));
    assertEquals(2, all().size());
    for (Claim claim : List.of(first, second)) {
      assertEquals(List.of("issue " + claim.description(), "record ", "spec "), contents(claim));
      assertEquals("rwx------", permissions(directories.of(claim)));
      assertEquals("rw-------", permissions(directories.issueFile(claim)));
    }
  }

  @Test
  void directoryThatSomebodyHasTidiedAwayIsNotMissed() throws Exception {
    for (Path one : all()) {
      RunDirectories.delete(one);
    }
    directories.create(second);
    assertEquals(List.of("issue the second's", "record ", "spec "), contents(second));
  }

  @ParameterizedTest
  @ValueSource(strings = {"issue", "record", "spec"})
  void whatARunWroteIntoTheDirectoryThatIsReadyReachesNoOther(String name) throws Exception {
    for (Path one : all()) {
      Files.writeString(one.resolve(name), "exit 0\n");
    }
    directories.create(second);
    assertEquals(List.of("issue the second's", "record ", "spec "), contents(second));
  }

  @ParameterizedTest
  @ValueSource(strings = {"issue", "record", "spec"})
  @Timeout(value = 10, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void pipeInTheDirectoryThatIsReadyBlocksNobody(String name) throws Exception {
    for (Path one : all()) {
      Files.delete(one.resolve(name));
      assertEquals(0, new ProcessBuilder("mkfifo", one.resolve(name).toString()).start().waitFor());
    }
    directories.create(second);
    assertEquals(List.of("issue the second's", "record ", "spec "), contents(second));
  }

  @Test
  void settledRunsDirectoryIsUsedAgainAndTellsNothingOfIt() throws Exception {
    Path used = directories.of(first);
    Files.writeString(used.resolve("spec"), "the first one's words\0");
    Files.writeString(used.resolve("record"), "pid 12 34\nexit 0\n");
    Object inode = Files.getAttribute(used, "unix:ino");
    Path kept = Files.createLink(parent.resolve("kept"), directories.issueFile(first));
    directories.create(claim(3, "takes the directory that was ready"));
    directories.settled(first);
    directories.renewSettled();
    directories.create(second);
    assertEquals(inode, Files.getAttribute(directories.of(second), "unix:ino"));
    assertEquals(List.of("issue the second's", "record \n", "spec \n"), contents(second));
    assertEquals("rw-------", permissions(directories.issueFile(second)));
    assertEquals("the first one's text", Files.readString(kept));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "touch stop",
        "rm record",
        "rm spec; ln -s /etc/hostname spec",
        "rm record; mkfifo record",
        "chmod 755 .",
        "mkdir more",
        "rm issue; mkdir -p issue/deep"
      })
  @Timeout(value = 10, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void directoryThatARunHasChangedIsNotUsedAgain(String script) throws Exception {
    Path used = directories.of(first);
    Process change = new ProcessBuilder("/bin/sh", "-ec", script).directory(used.toFile()).start();
    assertEquals(0, change.waitFor());
    directories.create(claim(3, "takes the directory that was ready"));
    directories.settled(first);
    directories.renewSettled();
    directories.create(second);
    assertEquals(List.of("issue the second's", "record ", "spec "), contents(second));
    assertEquals("rwx------", permissions(directories.of(second)));
  }

  @Test
  void nothingIsLeftInTheEndButWhatIsNotSettled() throws Exception {
    directories.create(second);
    directories.prepare();
    directories.settled(first);
    directories.deleteUnused();
    assertEquals(List.of(directories.of(second)), all());
  }

  @Test
  void directoryThatIsReadyIsNoRunOfAPredecessor() throws Exception {
    var successor = new RunDirectories(parent.resolve("runs"));
    assertEquals(
        List.of(first.runId()),
        successor.left().stream().map(left -> left.claim().runId()).toList());
    assertEquals(List.of(directories.of(first)), all());
  }

  @Test
  void whatARunHasPutInItsDirectorysPlaceIsNotEmptied() throws Exception {
    Path precious = Files.createDirectory(parent.resolve("precious"));
    Files.writeString(precious.resolve("record"), "of another");
    RunDirectories.delete(directories.of(first));
    Files.createSymbolicLink(directories.of(first), precious);
    directories.settled(first);
    directories.deleteUnused();
    assertEquals("of another", Files.readString(precious.resolve("record")));
    assertEquals(List.of(), all());
  }

  private static Claim claim(long id, String description) {
    return new Claim(id, 1, 1, UUID.randomUUID(), description, Optional.empty());
  }

  private List<Path> all() throws IOException {
    try (Stream<Path> all = Files.list(parent.resolve("runs"))) {
      return all.toList();
    }
  }

  private List<String> contents(Claim claim) throws IOException {
    try (Stream<Path> files = Files.list(directories.of(claim))) {
      List<Path> sorted = files.sorted().toList();
      List<String> contents = new ArrayList<>();
      for (Path file : sorted) {
        contents.add(file.getFileName() + " " + Files.readString(file));
      }
      return contents;
    }
  }

  private static String permissions(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }
}
