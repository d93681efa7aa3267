package com.cape.worker.host;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Optional;

/** The files that this process runs from, as they were when it began. Safe for several threads. */
public final class OwnProgram {
  // What the JDK starts processes through; one of another build does not serve this JVM.
  private static final Path HELPER =
      Path.of(System.getProperty("java.home"), "lib", "jspawnhelper");
  private static final Path JAR = jar();
  private static final Optional<State> HELPER_AT_FIRST = state(HELPER);
  private static final Optional<State> JAR_AT_FIRST = state(JAR);

  private OwnProgram() {}

  /** Differs for another file, and for the same file after it was written to. */
  private record State(Object key, FileTime modified, long size) {}

  /** Whether the JDK was replaced, which then starts no other process any more. */
  public static boolean jdkReplaced() {
    return !state(HELPER).equals(HELPER_AT_FIRST);
  }

  /**
   * Whether the JAR was written to: this process may lack any class that it has not used yet. Where
   * another one was moved into its place, the JVM holds the old one open.
   */
  public static boolean jarOverwritten() {
    Optional<State> now = state(JAR);
    return now.isPresent()
        && JAR_AT_FIRST.isPresent()
        && now.get().key().equals(JAR_AT_FIRST.get().key())
        && !now.equals(JAR_AT_FIRST);
  }

  private static Optional<State> state(Path file) {
    try {
      var attributes = Files.readAttributes(file, BasicFileAttributes.class);
      return Optional.of(
          new State(attributes.fileKey(), attributes.lastModifiedTime(), attributes.size()));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** The JAR; the folder of the classes where there is none. */
  private static Path jar() {
    try {
      return Path.of(OwnProgram.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
