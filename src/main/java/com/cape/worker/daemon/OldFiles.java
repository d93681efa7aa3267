package com.cape.worker.daemon;

import ch.qos.logback.core.rolling.RollingPolicyBase;
import ch.qos.logback.core.rolling.RolloverFailure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * The older files of a log, the latest of them with {@code .1} at its end. Logback's own policy
 * takes a pattern, in which a path with a % cannot be written.
 */
public final class OldFiles extends RollingPolicyBase {
  private static final int MOST = 5;

  private final Path file;

  public OldFiles(Path file) {
    this.file = file;
  }

  @Override
  public String getActiveFileName() {
    return file.toString();
  }

  @Override
  public void rollover() {
    try {
      Files.move(file, makeRoom(file), StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new RolloverFailure("cannot rotate " + file, e);
    }
  }

  /** Each becomes one older, the oldest goes; answers the path that is free now. */
  public static Path makeRoom(Path file) throws IOException {
    for (int number = MOST - 1; number >= 1; number--) {
      if (Files.exists(old(file, number))) {
        Files.move(old(file, number), old(file, number + 1), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    return old(file, 1);
  }

  private static Path old(Path file, int number) {
    return file.resolveSibling(file.getFileName() + "." + number);
  }
}
