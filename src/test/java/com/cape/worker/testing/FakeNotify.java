package com.cape.worker.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;

/** A {@code systemd-notify} that writes down what it is told: a line for each call. */
public final class FakeNotify {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final Path directory;
  private final Path told;

  public FakeNotify(Path directory) throws IOException {
    this.directory = directory;
    told = Files.createFile(directory.resolve("told"));
    Path program = directory.resolve("systemd-notify");
    Files.writeString(program, "#!/bin/bash\nIFS='|'\necho \"$*\" >>'%s'\n".formatted(told));
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** A PATH on which it is found. */
  public String searchPath() {
    return directory + ":/usr/bin:/bin";
  }

  public List<String> told() {
    try {
      return Files.readAllLines(told);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Waits for a call that tells a fact. */
  public void await(String fact) {
    org.awaitility.Awaitility.await(fact)
        .atMost(LIMIT)
        .until(() -> told().stream().anyMatch(line -> line.contains(fact)));
  }
}
