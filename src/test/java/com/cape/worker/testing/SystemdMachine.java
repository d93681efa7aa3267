package com.cape.worker.testing;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** A systemd as PID 1 of its own namespaces, over an overlay of this machine's files. */
public final class SystemdMachine implements AutoCloseable {
  private static final Path PROJECT = Path.of("").toAbsolutePath();
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private final Process process;
  private final Path log;
  private final long systemd;

  /**
   * What a command in the machine did.
   *
   * @param output both of its outputs
   */
  public record Done(int exitCode, String output) {}

  private SystemdMachine(Process process, Path log, long systemd) {
    this.process = process;
    this.log = log;
    this.systemd = systemd;
  }

  /** Boots it; where that is not possible the tests are skipped, and say why. */
  public static SystemdMachine boot(Path directory) throws IOException {
    for (String tool : List.of("/lib/systemd/systemd", "/usr/bin/unshare", "/usr/bin/nsenter")) {
      if (!Files.isExecutable(Path.of(tool))) {
        Skip.because("no " + tool + " on this host (apt-get install systemd util-linux)");
      }
    }
    if (!System.getProperty("user.name").equals("root")) {
      Skip.because("only root may boot a systemd of its own");
    }
    Path log = directory.resolve("machine.log");
    Path scratch = Files.createDirectory(directory.resolve("scratch"));
    Process process =
        new ProcessBuilder(
                PROJECT.resolve("src/test/systemd/machine.sh").toString(),
                scratch.toString(),
                PROJECT.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    await("the machine boots")
        .atMost(LIMIT)
        .until(
            () -> !process.isAlive() || find(process).filter(SystemdMachine::answers).isPresent());
    Optional<Long> systemd = find(process);
    if (systemd.isEmpty()) {
      Skip.because("this machine allows no namespaces or overlays: " + Files.readString(log));
    }
    return new SystemdMachine(process, log, systemd.orElseThrow());
  }

  private static Optional<Long> find(Process process) {
    return process
        .descendants()
        .filter(one -> one.info().command().orElse("").endsWith("/systemd"))
        .map(ProcessHandle::pid)
        .findFirst();
  }

  private static boolean answers(long systemd) {
    return inside(systemd, "systemctl", "is-active", "--quiet", "machine.target").exitCode() == 0;
  }

  private static Done inside(long systemd, String... command) {
    List<String> words =
        new ArrayList<>(
            List.of("nsenter", "-t", Long.toString(systemd), "-m", "-p", "-i", "-u", "-r", "-w"));
    words.addAll(Arrays.asList(command));
    try {
      var builder = new ProcessBuilder(words).redirectErrorStream(true);
      builder.environment().clear();
      builder.environment().put("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
      builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
      builder.environment().put("SYSTEMD_PAGER", "");
      Process process = builder.start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        throw new IllegalStateException("does not end: " + words);
      }
      return new Done(process.exitValue(), output);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Runs a command in it, as root. */
  public Done run(String... command) {
    return inside(systemd, command);
  }

  /** The same, for one that has to work; its output. */
  public String ask(String... command) {
    Done done = run(command);
    if (done.exitCode() != 0) {
      throw new IllegalStateException(
          "exit %d of %s: %s".formatted(done.exitCode(), List.of(command), done.output()));
    }
    return done.output().strip();
  }

  /** Runs a script of bash in it. */
  public String script(String script, String... arguments) {
    List<String> words = new ArrayList<>(List.of("bash", "-euc", script, "script"));
    words.addAll(List.of(arguments));
    return ask(words.toArray(String[]::new));
  }

  /** What systemd itself has to say. */
  public String log() throws IOException {
    return Files.readString(log);
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().join();
  }
}
