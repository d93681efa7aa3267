package com.cape.worker.host;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;

/**
 * The file that an attempt prints to. Whoever may write to the table can name another one, so that
 * only the name which a worker would have given is opened, and no link or pipe in its place.
 */
public record AttemptLog(String name, long issue, int attempt, long fence) {
  /** Opens it for reading; empty where it cannot be had. */
  public Optional<FileChannel> open() {
    try {
      Optional<Path> found = file();
      return found.isPresent()
          ? Optional.of(
              FileChannel.open(found.get(), StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))
          : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // It was deleted this moment, or is not for this user.
    }
  }

  /** Whether it lies within a directory, whatever links lead there. */
  public boolean isIn(Path directory) {
    try {
      Optional<Path> found = file();
      return found.isPresent() && found.get().toRealPath().startsWith(directory.toRealPath());
    } catch (IOException e) {
      return false;
    }
  }

  private Optional<Path> file() {
    String own = "issues/%d/attempt-%d-%d".formatted(issue, attempt, fence);
    if (!name.matches("/(.*/)?" + own + "(\\.\\d+)?\\.log")) {
      return Optional.empty();
    }
    try {
      return Optional.of(Path.of(name))
          .filter(file -> Files.isDirectory(file.getParent(), LinkOption.NOFOLLOW_LINKS))
          // A pipe would block who opens it.
          .filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS));
    } catch (InvalidPathException e) {
      return Optional.empty(); // The locale has no such characters.
    }
  }
}
