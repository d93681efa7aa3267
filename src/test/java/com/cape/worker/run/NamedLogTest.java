package com.cape.worker.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Opens what an attempt printed, and nothing else, whatever the table says. */
@Timeout(20)
class NamedLogTest {
  @TempDir private Path directory;
  private Path logs;
  private Path folder;
  private Path file;

  @BeforeEach
  void prepare() throws IOException {
    logs = directory.resolve("logs");
    folder = Files.createDirectories(logs.resolve("issues/7"));
    file = Files.writeString(folder.resolve("attempt-2-3.log"), "x");
  }

  private static boolean opens(Object name) throws IOException {
    Optional<FileChannel> open = AttemptLog.open(name.toString(), 7, 2, 3);
    if (open.isPresent()) {
      open.get().close();
    }
    return open.isPresent();
  }

  @Test
  void attemptsOwnFileIsOpenedAlsoAfterItWasMovedAside() throws Exception {
    Path aside = Files.writeString(folder.resolve("attempt-2-3.1700000000000.log"), "x");
    Path alias = Files.createSymbolicLink(directory.resolve("alias"), logs);
    for (Path name : List.of(file, aside, alias.resolve("issues/7/attempt-2-3.log"))) {
      assertTrue(opens(name), name.toString());
    }
  }

  @Test
  void noOtherFileIsOpened() throws Exception {
    Path other = Files.writeString(folder.resolve("attempt-1-1.log"), "x");
    Path secret = Files.writeString(directory.resolve("secret"), "s3cr3t");
    for (String name :
        List.of(
            other.toString(),
            secret.toString(),
            logs + "/issues/7/../../../secret",
            folder + "/attempt-2-3.log/../../secret",
            "/etc/passwd",
            "relative/issues/7/attempt-2-3.log",
            "issues/7/attempt-2-3.log",
            "",
            "/",
            "/dev/zero",
            file + "\0",
            "/a\0" + file,
            "x".repeat(100_000))) {
      assertFalse(opens(name), name);
    }
  }

  @Test
  void linksAndPipesInItsPlaceAreNotOpened() throws Exception {
    Path secret = Files.writeString(directory.resolve("secret"), "s3cr3t");
    Files.delete(file);
    Files.createSymbolicLink(file, secret);
    assertFalse(opens(file));
    Files.delete(file);
    assertEquals(0, new ProcessBuilder("mkfifo", file.toString()).start().waitFor());
    assertFalse(opens(file));
    Files.delete(file);
    Files.writeString(file, "x");
    Path moved = Files.move(folder, directory.resolve("moved"));
    Files.createSymbolicLink(folder, moved);
    assertFalse(opens(file));
  }
}
