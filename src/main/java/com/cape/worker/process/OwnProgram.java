package com.cape.worker.process;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Optional;

/** The files that this process runs from, as they were when it began. Safe for several threads. */
final class OwnProgram {
  // What the JDK starts processes through; one of another build does not serve this JVM.
  private static final Path HELPER =
      Path.of(System.getProperty("java.home"), "lib", "jspawnhelper");
  private static final Path JAR = jar();

  private final Optional<State> helper = state(HELPER);
  private final Optional<State> jar = state(JAR);

  /** What tells a file from another one, and from itself before it was written to. */
  private record State(Object key, FileTime modified, long size) {
    boolean sameFile(State other) {
      return key.equals(other.key);
    }
  }

  /** What was replaced, if this process can do its work no more; a line to read. */
  Optional<String> replaced() {
    if (!state(HELPER).equals(helper)) {
      return Optional.of("the JDK was replaced");
    }
    // One that was moved there is another file: the JVM holds the old one open.
    Optional<State> now = state(JAR).filter(state -> jar.stream().anyMatch(state::sameFile));
    return now.isEmpty() || now.equals(jar)
        ? Optional.empty()
        : Optional.of("the JAR was overwritten in place");
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
