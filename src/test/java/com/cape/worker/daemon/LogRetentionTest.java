package com.cape.worker.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogRetentionTest {
  private static final Instant NOW = Instant.parse("2026-11-24T12:00:00Z");
  private static final Instant OLDEST = NOW.minus(Duration.ofDays(30));

  @TempDir private Path directory;
  @TempDir private Path outside;

  @Test
  void deletesOnlyAttemptLogsThatAreTooOld() throws Exception {
    Path old = file("7/attempt-1-1.log", 31);
    Path aside = file("7/attempt-1-1.1700000000000.log", 31);
    Path alone = file("8/attempt-2-5.log", 31);
    Path fresh = file("7/attempt-2-2.log", 29);
    Path foreign = file("7/notes.txt", 400);
    Path elsewhere = file("mine/attempt-1-1.log", 400);

    assertEquals(3, LogRetention.deleteOlder(directory, OLDEST));

    assertFalse(Files.exists(old));
    assertFalse(Files.exists(aside));
    assertFalse(Files.exists(alone.getParent()), "the empty folder goes as well");
    assertTrue(Files.exists(fresh));
    assertTrue(Files.exists(foreign));
    assertTrue(Files.exists(elsewhere));
  }

  @Test
  void filesBehindALinkAreNotDeleted() throws Exception {
    Path foreign = file("elsewhere/attempt-1-1.log", 400);
    Path target = Files.move(foreign.getParent(), outside.resolve("foreign"));
    Files.createSymbolicLink(directory.resolve("9"), target);
    Path own = file("8/attempt-1-1.log", 400);
    Path linked = Files.createSymbolicLink(own.resolveSibling("attempt-2-2.log"), target);

    assertEquals(1, LogRetention.deleteOlder(directory, OLDEST));

    assertFalse(Files.exists(own));
    assertTrue(Files.isSymbolicLink(linked), "the link is new, whatever it points to");
    assertTrue(Files.exists(target.resolve("attempt-1-1.log")));
  }

  @Test
  void folderThatDoesNotExistIsNothingToDo() {
    assertEquals(0, LogRetention.deleteOlder(directory.resolve("none"), OLDEST));
  }

  private Path file(String name, int ageDays) throws Exception {
    Path file = directory.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, "x");
    return Files.setLastModifiedTime(file, FileTime.from(NOW.minus(Duration.ofDays(ageDays))));
  }
}
