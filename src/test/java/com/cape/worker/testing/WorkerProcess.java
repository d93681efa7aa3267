package com.cape.worker.testing;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The built JAR as a process, with an environment of its own. */
public final class WorkerProcess implements AutoCloseable {
  public static final Path JAR = Path.of("target", "cape-worker.jar").toAbsolutePath();
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final Process process;
  private final Path output;

  private WorkerProcess(Process process, Path output) {
    this.process = process;
    this.output = output;
  }

  /** Starts the JAR in the directory; its environment is PATH and what is given. */
  public static WorkerProcess start(
      Path directory, Map<String, String> environment, String... arguments) {
    try {
      Path output = Files.createTempFile(directory, "console", ".txt");
      return startInto(output, directory, environment, arguments);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The same, with a file for its console. */
  public static WorkerProcess startInto(
      Path output, Path directory, Map<String, String> environment, String... arguments) {
    Path java = Path.of(System.getProperty("java.home"));
    return startOn(java, output, directory, environment, arguments);
  }

  /** The same, on another JDK. */
  public static WorkerProcess startOn(
      Path javaHome,
      Path output,
      Path directory,
      Map<String, String> environment,
      String... arguments) {
    return startOn(javaHome, JAR, output, directory, environment, arguments);
  }

  /** The same, on another JDK and of another JAR. */
  public static WorkerProcess startOn(
      Path javaHome,
      Path jar,
      Path output,
      Path directory,
      Map<String, String> environment,
      String... arguments) {
    // What the tests were started by, nohup or a shell's background job, may ignore HUP or INT.
    List<String> command =
        new ArrayList<>(
            List.of(
                "/usr/bin/env",
                "--default-signal=HUP,INT,QUIT,TERM",
                javaHome.resolve("bin/java").toString(),
                // As the services start it.
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-jar",
                jar.toString()));
    command.addAll(List.of(arguments));
    try {
      var builder = new ProcessBuilder(command).directory(directory.toFile());
      builder.environment().clear();
      builder.environment().put("PATH", System.getenv("PATH"));
      builder.environment().putAll(environment);
      builder.redirectErrorStream(true).redirectOutput(output.toFile());
      return new WorkerProcess(builder.start(), output);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public long pid() {
    return process.pid();
  }

  /** Itself and all its descendants. */
  public List<ProcessHandle> tree() {
    return Stream.concat(Stream.of(process.toHandle()), process.descendants()).toList();
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /** All that it has printed. */
  public String output() {
    try {
      return Files.readString(output);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits for a text on its console. */
  public void awaitOutput(String text) {
    await(text).atMost(LIMIT).until(() -> output().contains(text) || !isAlive());
    assertTrue(output().contains(text), output());
  }

  /** Sends a signal by its name. */
  public void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(pid())).inheritIO().start().waitFor();
  }

  /** Whether it ends within that time. */
  public boolean ended(Duration within) throws InterruptedException {
    return process.waitFor(within.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Waits for its end and answers the exit code. */
  public int exitCode() throws InterruptedException {
    assertTrue(process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS), output());
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
