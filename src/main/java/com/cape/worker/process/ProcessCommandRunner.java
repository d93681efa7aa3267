package com.cape.worker.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Runs each command under a small bash guardian, in a process group of its own.
 *
 * <p>The words travel in a file and not in the guardian's arguments: the JVM would encode arguments
 * for the locale, which loses every character beyond ASCII where {@code LANG} is unset.
 */
public final class ProcessCommandRunner implements CommandRunner {
  private static final String GUARDIAN = guardianText();
  private static final Duration LOOK_INTERVAL = Duration.ofMillis(200);

  private final Path bash;

  public ProcessCommandRunner(Path bash) {
    this.bash = bash;
  }

  @Override
  public Run start(RunSpec spec) throws IOException {
    Path words = spec.runDirectory().resolve("spec");
    Path record = spec.runDirectory().resolve("record");
    Files.write(words, specification(spec));
    ProcessBuilder builder =
        guardian(
            bash,
            words.toString(),
            record.toString(),
            spec.output().toString(),
            graceSeconds(spec),
            Long.toString(spec.deadline().toSeconds()));
    builder.directory(spec.directory().toFile());
    builder.environment().keySet().removeAll(spec.withheld());
    return new GuardedRun(bash, spec, record, builder.start());
  }

  private static ProcessBuilder guardian(Path bash, String... arguments) {
    // -p: neither BASH_ENV nor functions of the environment reach the guardian.
    List<String> command =
        new ArrayList<>(List.of(bash.toString(), "-p", "-c", GUARDIAN, "cape-guardian"));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
  }

  private static String graceSeconds(RunSpec spec) {
    return Long.toString(spec.grace().toSeconds());
  }

  private static byte[] specification(RunSpec spec) {
    var bytes = new ByteArrayOutputStream();
    for (Map.Entry<String, String> variable : spec.added().entrySet()) {
      bytes.writeBytes((variable.getKey() + "=" + variable.getValue()).getBytes(UTF_8));
      bytes.write(0);
    }
    bytes.write(0);
    for (String word : spec.words()) {
      bytes.writeBytes(word.getBytes(UTF_8));
      bytes.write(0);
    }
    return bytes.toByteArray();
  }

  private static String guardianText() {
    try (InputStream text = ProcessCommandRunner.class.getResourceAsStream("guardian.sh")) {
      return new String(text.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static final class GuardedRun implements Run {
    private final Path bash;
    private final RunSpec spec;
    private final Path record;
    private final Process guardian;
    private final long startedNanos = System.nanoTime();
    private final AtomicReference<StopReason> stopReason = new AtomicReference<>();

    GuardedRun(Path bash, RunSpec spec, Path record, Process guardian) {
      this.bash = bash;
      this.spec = spec;
      this.record = record;
      this.guardian = guardian;
    }

    @Override
    public Ending await() throws InterruptedException {
      while (!guardian.waitFor(LOOK_INTERVAL.toMillis(), TimeUnit.MILLISECONDS)) {
        if (ran().compareTo(spec.timeout()) >= 0) {
          stop(StopReason.TIMEOUT);
        }
        limitOutput();
      }
      limitOutput();
      OptionalInt exitCode = told();
      if (exitCode.isEmpty()) {
        endWithoutGuardian();
      }
      return new Ending(exitCode, stopReason(), ran());
    }

    @Override
    public boolean stop(StopReason reason) {
      if (!guardian.isAlive() || !stopReason.compareAndSet(null, reason)) {
        return false;
      }
      try {
        guardian.getOutputStream().close();
      } catch (IOException e) {
        // The guardian is gone already, and with it the life line.
      }
      return true;
    }

    /** Stops a run that has printed too much, and keeps the disk from filling until it is gone. */
    private void limitOutput() {
      if (spec.output().toFile().length() <= spec.outputLimitBytes()) {
        return;
      }
      stop(StopReason.OUTPUT_LIMIT);
      try (FileChannel output = FileChannel.open(spec.output(), StandardOpenOption.WRITE)) {
        output.truncate(spec.outputLimitBytes());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void extend(Duration deadline) {
      try {
        OutputStream lifeLine = guardian.getOutputStream();
        lifeLine.write((deadline.toSeconds() + "\n").getBytes(UTF_8));
        lifeLine.flush();
      } catch (IOException e) {
        // The run has ended or is being stopped.
      }
    }

    private Optional<StopReason> stopReason() {
      boolean late = Files.exists(record.resolveSibling("record.late"));
      return Optional.ofNullable(stopReason.get())
          .or(() -> late ? Optional.of(StopReason.LEASE_LOST) : Optional.empty());
    }

    private Duration ran() {
      return Duration.ofNanos(System.nanoTime() - startedNanos);
    }

    /** For a guardian that was killed: what it guarded must not outlive it. */
    private void endWithoutGuardian() throws InterruptedException {
      OptionalInt group = recordedGroup();
      if (group.isEmpty()) {
        return;
      }
      try {
        guardian(bash, "--end", Integer.toString(group.getAsInt()), graceSeconds(spec))
            .start()
            .waitFor();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** What the guardian said of the command's end. */
    private OptionalInt told() {
      try {
        return number("exit ", new String(guardian.getInputStream().readAllBytes(), UTF_8));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private OptionalInt recordedGroup() {
      try {
        return number("pid ", Files.readString(record, UTF_8));
      } catch (NoSuchFileException e) {
        return OptionalInt.empty();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static OptionalInt number(String word, String text) {
      return text.startsWith(word)
          ? OptionalInt.of(Integer.parseInt(text.substring(word.length()).strip()))
          : OptionalInt.empty();
    }
  }
}
