package com.cape.worker.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(20)
class TrustedPathTest {
  private static final int NOBODY = 65534;

  @TempDir private Path directory;

  private Path folder(String name, String permissions) throws IOException {
    Path folder = Files.createDirectories(directory.resolve(name));
    return Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(permissions));
  }

  private static void assertTrouble(String expected, Path path) {
    String found = TrustedPath.trouble(path).orElse("none");
    assertTrue(found.contains(expected), found);
  }

  @Test
  void ownPathIsTrustedAlsoWhereItDoesNotExistYetOrLeadsThroughOwnLinks() throws Exception {
    folder("a/b", "rwx------");
    Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("a/../a/./b"));
    for (Path path : new Path[] {directory, link, link.resolve("c/d"), Path.of("relative")}) {
      assertEquals(Optional.empty(), TrustedPath.trouble(path), path.toString());
    }
  }

  @Test
  void directoryThatOthersMayWriteToIsNotTrusted() throws Exception {
    Path open = folder("open", "rwxrwxrwx");
    folder("open/logs", "rwxr-xr-x");
    assertTrouble("other users can write to " + open, open);
    assertTrouble("other users can write to " + open, open.resolve("logs/state"));
    assertTrouble(
        "other users can write to " + open,
        folder("elsewhere", "rwxr-xr-x").resolve("../open/logs"));
    Path link = Files.createSymbolicLink(directory.resolve("link"), open.resolve("logs"));
    assertTrouble("other users can write to " + open, link);
    Path circle = directory.resolve("circle");
    Files.createSymbolicLink(circle, circle);
    assertTrouble("too many links", circle);
    assertTrouble("is no directory", Files.createFile(directory.resolve("file")).resolve("x"));
  }

  @Test
  void whatBelongsToAnotherUserIsNotTrusted() throws Exception {
    assumeTrue(Files.getAttribute(directory, "unix:uid").equals(0), "only root gives files away");
    Path theirs = folder("theirs", "rwxr-xr-x");
    Files.setAttribute(theirs, "unix:uid", NOBODY);
    assertTrouble(theirs + " belongs to ", theirs.resolve("logs"));
    Path sticky = folder("sticky", "rwxrwxrwx");
    Files.setAttribute(sticky, "unix:mode", 01777);
    assertEquals(Optional.empty(), TrustedPath.trouble(sticky.resolve("new")));
    Path link = Files.createSymbolicLink(sticky.resolve("link"), directory);
    Files.setAttribute(link, "unix:uid", NOBODY, LinkOption.NOFOLLOW_LINKS);
    assertTrouble(link + " belongs to ", link.resolve("logs"));
  }

  @Test
  void lockIsTakenOnNoLinkAndNoPipe() throws Exception {
    Path secret = Files.writeString(directory.resolve("secret"), "s3cr3t");
    Path state = folder("state", "rwxr-xr-x");
    Path lock = Files.createSymbolicLink(state.resolve("lock"), secret);
    assertThrows(IOException.class, () -> StateDirectory.open(state, UUID.randomUUID(), "me"));
    assertEquals("s3cr3t", Files.readString(secret));
    assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(state)));
    Files.delete(lock);
    assertEquals(0, new ProcessBuilder("mkfifo", lock.toString()).start().waitFor());
    assertThrows(IOException.class, () -> StateDirectory.open(state, UUID.randomUUID(), "me"));
  }
}
