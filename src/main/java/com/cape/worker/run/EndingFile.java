package com.cape.worker.run;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** How a run ended, kept on disk until the issue is settled. */
final class EndingFile {
  private static final String NONE = "none";

  private EndingFile() {}

  /** Returns once it is on the disk. */
  static void write(Path file, Ending ending) throws IOException {
    String exit =
        ending.exitCode().isPresent() ? Integer.toString(ending.exitCode().getAsInt()) : NONE;
    String text =
        "exit %s\nstop %s\nran %d\n"
            .formatted(
                exit,
                ending.stopReason().map(StopReason::name).orElse(NONE),
                ending.ran().toMillis());
    DurableFile.write(file, text);
  }

  static Optional<Ending> read(Path file) throws IOException {
    try {
      List<String> lines = BoundedFile.read(file).lines().toList();
      String exit = value(lines, 0);
      String stop = value(lines, 1);
      return Optional.of(
          new Ending(
              exit.equals(NONE) ? OptionalInt.empty() : OptionalInt.of(Integer.parseInt(exit)),
              stop.equals(NONE) ? Optional.empty() : Optional.of(StopReason.valueOf(stop)),
              Duration.ofMillis(Long.parseLong(value(lines, 2))),
              0,
              List.of()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  private static String value(List<String> lines, int index) {
    return lines.get(index).substring(lines.get(index).indexOf(' ') + 1);
  }
}
