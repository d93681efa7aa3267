package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A small file that somebody else may have written. */
public final class BoundedFile {
  private static final int MOST_BYTES = 64 * 1024;

  private BoundedFile() {}

  /**
   * Its first 64 KiB. A workflow may have put into its place what would block who opens it, which
   * counts as missing, or what has no end.
   *
   * @throws NoSuchFileException when no regular file is there
   */
  public static String read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new NoSuchFileException(file.toString());
    }
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(MOST_BYTES), UTF_8);
    }
  }
}
