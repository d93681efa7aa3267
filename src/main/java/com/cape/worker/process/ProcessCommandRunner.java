package com.cape.worker.process;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs each command under a small bash guardian, in a process group of its own.
 *
 * <p>The words travel in a file and not in the guardian's arguments: the JVM would encode arguments
 * for the locale, which loses every character beyond ASCII where {@code LANG} is unset.
 */
public final class ProcessCommandRunner implements CommandRunner {
  private static final Logger LOG = LoggerFactory.getLogger(ProcessCommandRunner.class);
  private static final String EXIT = "exit ";
  private static final String LEFT = "left ";
  private static final String RECORD = "record";
  private static final String MACHINE = "machine";
  private static final String STOP = "stop";
  private static final String ENDING = "ending";
  private static final int SIGNAL_BASE = 128;
  private static final String GUARDIAN = guardianText();
  private static final Duration LOOK_INTERVAL = Duration.ofMillis(200);

  // What the JDK starts processes through; one of another build does not serve this JVM.
  private static final Path HELPER =
      Path.of(System.getProperty("java.home"), "lib", "jspawnhelper");

  private final Path bash;
  private final Optional<String> helper = helper();

  public ProcessCommandRunner(Path bash) {
    this.bash = bash;
  }

  @Override
  public Run start(RunSpec spec) throws IOException {
    Path words = spec.runDirectory().resolve("spec");
    Path record = spec.runDirectory().resolve(RECORD);
    Files.write(words, specification(spec));
    Machine.here().write(spec.runDirectory().resolve(MACHINE));
    ProcessBuilder builder =
        guardian(
            words.toString(),
            record.toString(),
            spec.output().toString(),
            Long.toString(spec.grace().toSeconds()),
            Long.toString(spec.deadline().toSeconds()),
            cookie(spec.runId()));
    builder.directory(spec.directory().toFile());
    builder.environment().keySet().removeAll(spec.withheld());
    return new GuardedRun(spec, builder.start());
  }

  private ProcessBuilder guardian(String... arguments) {
    // -p: neither BASH_ENV nor functions of the environment reach the guardian.
    List<String> command =
        new ArrayList<>(List.of(bash.toString(), "-p", "-c", GUARDIAN, "cape-guardian"));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
  }

  @Override
  public boolean jdkReplaced() {
    return !helper().equals(helper);
  }

  private static Optional<String> helper() {
    try {
      var attributes = Files.readAttributes(HELPER, BasicFileAttributes.class);
      return Optional.of(attributes.fileKey() + " " + attributes.lastModifiedTime());
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  @Override
  public Optional<Ending> recover(Path runDirectory, UUID runId, Duration grace)
      throws IOException, InterruptedException {
    Optional<Ending> kept = EndingFile.read(runDirectory.resolve(ENDING));
    if (kept.isPresent()) {
      return kept;
    }
    Path machine = runDirectory.resolve(MACHINE);
    if (Files.exists(machine) && !Machine.read(machine).equals(Machine.here())) {
      return Optional.empty();
    }
    List<String> survivors = survivors(end(runDirectory, runId, grace));
    Path record = runDirectory.resolve(RECORD);
    String told = Files.exists(record) ? Files.readString(record, UTF_8) : "";
    return Optional.of(
        new Ending(
            exitCodeOf(told),
            reason(noted(runDirectory.resolve(STOP)), told),
            Duration.ZERO,
            survivors));
  }

  /** Why the worker stopped a run; a note that was not finished counts as none. */
  private static Optional<StopReason> noted(Path stop) throws IOException {
    if (Files.notExists(stop)) {
      return Optional.empty();
    }
    String word = Files.readString(stop, UTF_8);
    return Arrays.stream(StopReason.values()).filter(one -> one.name().equals(word)).findFirst();
  }

  /**
   * What ended the run. The outcome is fixed when the command's first process ends: a stop that
   * comes while the rest is still being ended changes nothing.
   */
  private static Optional<StopReason> reason(Optional<StopReason> asked, String told) {
    return endedByItself(told) ? Optional.empty() : asked.or(() -> whyOf(told));
  }

  /** A process that a signal has ended may have been stopped although a full disk took no mark. */
  private static boolean endedByItself(String told) {
    return whyOf(told).isEmpty() && exitCodeOf(told).stream().allMatch(code -> code <= SIGNAL_BASE);
  }

  /** Ends what is left of a run that has no guardian any more; tells what could not be ended. */
  private String end(Path runDirectory, UUID runId, Duration grace)
      throws IOException, InterruptedException {
    Process ending =
        guardian(
                "--end",
                runDirectory.resolve(RECORD).toString(),
                Long.toString(grace.toSeconds()),
                cookie(runId))
            .start();
    String told = new String(ending.getInputStream().readAllBytes(), UTF_8);
    ending.waitFor();
    return told;
  }

  private static String cookie(UUID runId) {
    return "CAPE_RUN_ID=" + runId;
  }

  private static OptionalInt exitCodeOf(String told) {
    return told.startsWith(EXIT)
        ? OptionalInt.of(Integer.parseInt(told.lines().findFirst().orElseThrow().split(" ", -1)[1]))
        : OptionalInt.empty();
  }

  /** Why a run ended for which its worker gave no reason. */
  private static Optional<StopReason> whyOf(String told) {
    if (!told.startsWith(EXIT)) {
      return Optional.of(StopReason.WORKER_DIED);
    }
    String first = told.lines().findFirst().orElseThrow();
    if (first.endsWith(" late")) {
      return Optional.of(StopReason.LEASE_LOST);
    }
    return first.endsWith(" cut") ? Optional.of(StopReason.WORKER_DIED) : Optional.empty();
  }

  private static List<String> survivors(String told) {
    return told.lines()
        .filter(line -> line.startsWith(LEFT))
        .map(line -> line.substring(LEFT.length()))
        .toList();
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

  private final class GuardedRun implements Run {
    private final RunSpec spec;
    private final Process guardian;
    private final long startedNanos = System.nanoTime();
    private final AtomicReference<StopReason> stopReason = new AtomicReference<>();

    GuardedRun(RunSpec spec, Process guardian) {
      this.spec = spec;
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
      String told = told();
      String left = told.startsWith(EXIT) ? told : endWithoutGuardian();
      Optional<StopReason> reason =
          reason(Optional.ofNullable(stopReason.get()), told)
              .filter(why -> why != StopReason.WORKER_DIED);
      var ending = new Ending(exitCodeOf(told), reason, ran(), survivors(left));
      keep(ending);
      return ending;
    }

    @Override
    public boolean stop(StopReason reason) {
      if (!guardian.isAlive() || !stopReason.compareAndSet(null, reason)) {
        return false;
      }
      note(reason);
      try {
        guardian.getOutputStream().close();
      } catch (IOException e) {
        // The guardian is gone already, and with it the life line.
      }
      return true;
    }

    /** For a successor, should this process die before the run has ended. */
    private void note(StopReason reason) {
      try {
        Files.writeString(spec.runDirectory().resolve(STOP), reason.name());
      } catch (IOException e) {
        LOG.warn("cannot note why a run is stopped cause={}", e.toString());
      }
    }

    /** For a successor, should this process die before the issue is settled. */
    private void keep(Ending ending) {
      try {
        EndingFile.write(spec.runDirectory().resolve(ENDING), ending);
      } catch (IOException e) {
        LOG.warn("cannot keep a result on disk cause={}", e.toString());
      }
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

    private Duration ran() {
      return Duration.ofNanos(System.nanoTime() - startedNanos);
    }

    private String told() {
      try {
        return new String(guardian.getInputStream().readAllBytes(), UTF_8);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** For a guardian that was killed: what it guarded must not outlive it. */
    private String endWithoutGuardian() throws InterruptedException {
      try {
        return end(spec.runDirectory(), spec.runId(), spec.grace());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
