package com.cape.worker.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

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
import org.junit.jupiter.api.io.TempDir;

class RunDirectoriesTest {
  private final Claim first = claim(1, "the first one's text");
  private final Claim second = claim(2, "the second's");
  @TempDir private Path parent;
  private RunDirectories directories;

  @BeforeEach
  void run() throws IOException {
    directories = new RunDirectories(parent.resolve("runs"));
    directories.create(first);
    Files.writeString(file(first, "spec"), "secret");
    Files.writeString(file(first, "record"), "exit 0\n");
  }

  @Test
  void settledRunLeavesItsDirectoryWithoutWhatStoodInIt() throws Exception {
    Object inode = Files.getAttribute(directories.of(first), "unix:ino");
    settle();
    directories.create(second);
    assertEquals(inode, Files.getAttribute(directories.of(second), "unix:ino"));
    assertEquals(List.of("issue the second's", "record ", "spec "), contents(second));
    assertEquals("rw-------", permissions(directories.issueFile(second)));
    assertEquals(List.of(directories.of(second)), all());
  }

  @Test
  void whatARunHasKeptIsNotWrittenTo() throws Exception {
    Path kept = Files.createDirectory(parent.resolve("kept"));
    for (String name : List.of("issue", "spec")) {
      Files.createLink(kept.resolve(name), file(first, name));
    }
    Path target = Files.writeString(kept.resolve("target"), "of another");
    Files.delete(file(first, "record"));
    Files.createSymbolicLink(file(first, "record"), target);
    Files.writeString(file(first, "more"), "");
    Files.setPosixFilePermissions(
        directories.of(first), PosixFilePermissions.fromString("rwxr-xr-x"));
    settle();
    directories.create(second);
    assertEquals(List.of("issue the second's"), contents(second));
    assertEquals("rwx------", permissions(directories.of(second)));
    assertEquals("the first one's text", Files.readString(kept.resolve("issue")));
    assertEquals("secret", Files.readString(kept.resolve("spec")));
    assertEquals("of another", Files.readString(target));
  }

  @Test
  void whatARunHasPutInItsDirectorysPlaceIsNotEmptied() throws Exception {
    Path precious = Files.createDirectory(parent.resolve("precious"));
    Files.writeString(precious.resolve("record"), "of another");
    RunDirectories.delete(directories.of(first));
    Files.createSymbolicLink(directories.of(first), precious);
    settle();
    assertEquals("of another", Files.readString(precious.resolve("record")));
    assertEquals(List.of(), all());
  }

  @Test
  void directoryThatSomebodyHasTidiedAwayIsNotMissed() throws Exception {
    settle();
    for (Path spare : all()) {
      RunDirectories.delete(spare);
    }
    directories.create(second);
    assertEquals(List.of("issue the second's"), contents(second));
  }

  @Test
  void nothingIsLeftInTheEndButWhatIsNotSettled() throws Exception {
    directories.create(second);
    settle();
    directories.deleteAll();
    assertEquals(List.of(directories.of(second)), all());
  }

  @Test
  void spareDirectoryIsNoRunOfAPredecessor() throws Exception {
    directories.create(second);
    settle();
    var successor = new RunDirectories(parent.resolve("runs"));
    assertEquals(
        List.of(second.runId()),
        successor.left().stream().map(left -> left.claim().runId()).toList());
    assertEquals(List.of(directories.of(second)), all());
    assertFalse(Files.exists(directories.of(first)));
  }

  private void settle() {
    directories.settled(first);
    directories.tidy();
  }

  private static Claim claim(long id, String description) {
    return new Claim(id, 1, 1, UUID.randomUUID(), description, Optional.empty());
  }

  private Path file(Claim claim, String name) {
    return directories.of(claim).resolve(name);
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
