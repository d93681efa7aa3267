package com.cape.worker.testing;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** The built JAR on a terminal of its own, made by script(1), with a person's hands on its keys. */
public final class PseudoTerminal implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private final Process process;
  private final Path screen;

  private PseudoTerminal(Process process, Path screen) {
    this.process = process;
    this.screen = screen;
  }

  /** Starts it on so many columns. */
  public static PseudoTerminal start(
      Path directory, int columns, Map<String, String> environment, String... arguments) {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String command =
        // Where the tests are started in the background, their processes ignore interrupts.
        "stty cols %d rows 24; exec env --default-signal=HUP,INT,QUIT,TERM %s -jar %s %s"
            .formatted(
                columns,
                quoted(java),
                quoted(WorkerProcess.JAR.toString()),
                Arrays.stream(arguments)
                    .map(PseudoTerminal::quoted)
                    .collect(Collectors.joining(" ")));
    try {
      Path screen = Files.createTempFile(directory, "screen", ".txt");
      var builder =
          new ProcessBuilder(List.of("script", "-qefc", command, "/dev/null"))
              .directory(directory.toFile())
              .redirectErrorStream(true)
              .redirectOutput(screen.toFile());
      builder.environment().clear();
      builder.environment().put("PATH", System.getenv("PATH"));
      builder.environment().put("TERM", "xterm");
      builder.environment().putAll(environment);
      return new PseudoTerminal(builder.start(), screen);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String quoted(String word) {
    return "'" + word.replace("'", "'\\''") + "'";
  }

  /** All that was ever shown, codes included. */
  public String screen() {
    try {
      return Files.readString(screen);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until that was shown. */
  public void awaitShown(String text) {
    await(text)
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(20))
        .until(() -> screen().contains(text) || !process.isAlive());
    assertTrue(screen().contains(text), screen());
  }

  /** Types it. */
  public void type(String keys) throws IOException {
    process.getOutputStream().write(keys.getBytes(UTF_8));
    process.getOutputStream().flush();
  }

  /** Waits for its end and answers the exit code. */
  public int exitCode() throws InterruptedException {
    assertTrue(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS), screen());
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
