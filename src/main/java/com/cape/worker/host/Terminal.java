package com.cape.worker.host;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Whether standard input and output are a terminal, and its size if known. The JVM does not know; a
 * shell does, on every system.
 */
public record Terminal(boolean input, boolean output, Optional<Size> size) {
  /** Characters in a line, and lines. */
  public record Size(int columns, int rows) {}

  public static final Terminal NONE = new Terminal(false, false, Optional.empty());

  private static final String LOOK =
      "exec 3>&1 1>&2; test -t 0 && echo input; test -t 3 && { echo output; stty size <&3; }";

  public static Terminal look() {
    try {
      Process shell =
          new ProcessBuilder("/bin/sh", "-c", LOOK)
              .redirectInput(ProcessBuilder.Redirect.INHERIT)
              .redirectOutput(ProcessBuilder.Redirect.INHERIT)
              .start();
      return of(new String(shell.getErrorStream().readAllBytes(), UTF_8).lines().toList());
    } catch (IOException e) {
      return NONE;
    }
  }

  private static Terminal of(List<String> lines) {
    Optional<Size> size =
        lines.stream()
            .filter(line -> line.matches("[1-9]\\d{0,4} [1-9]\\d{0,4}"))
            .map(line -> Arrays.stream(line.split(" ")).mapToInt(Integer::parseInt).toArray())
            .map(numbers -> new Size(numbers[1], numbers[0]))
            .findFirst();
    return new Terminal(lines.contains("input"), lines.contains("output"), size);
  }
}
