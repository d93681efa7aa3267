package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A guardian process, which runs one command after the other. One thread begins runs and waits for
 * them; any thread may write to the life line. guardian.pl describes the lines.
 */
final class Guardian {
  private static final String STARTER = "starter ";

  private final Process process;
  private final BufferedReader reports;
  private volatile Optional<ProcessHandle> starter = Optional.empty();
  private long number;

  Guardian(GuardianScript script) throws IOException {
    process = script.start();
    reports = process.inputReader(UTF_8);
  }

  /** Begins a run; returns its number, or empty when the guardian is gone. */
  Optional<Long> begin(RunSpec spec) {
    number++;
    long grace = spec.grace().toSeconds();
    long deadline = spec.deadline().toSeconds();
    Path folder = spec.folder().path();
    return send("run %d %d %d %s %s".formatted(number, grace, deadline, spec.runId(), folder))
        ? Optional.of(number)
        : Optional.empty();
  }

  /** Writes a line to the life line; false when nobody reads it any more. */
  synchronized boolean send(String line) {
    try {
      process.getOutputStream().write((line + "\n").getBytes(UTF_8));
      process.getOutputStream().flush();
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** {@code over} is false when the guardian was gone before it had reported all. */
  record Reported(Report report, boolean over) {}

  /** Waits until a run is over, or the guardian is gone. */
  Reported await(long run) {
    List<String> lines = new ArrayList<>();
    try {
      for (String line = reports.readLine(); line != null; line = reports.readLine()) {
        if (line.equals("over " + run)) {
          return new Reported(Report.of(lines), true);
        }
        if (line.startsWith(STARTER)) {
          starter = ProcessHandle.of(Long.parseLong(line.substring(STARTER.length())));
        }
        lines.add(line);
      }
    } catch (IOException e) {
      // Closed under the reader, because the process has ended.
    }
    return new Reported(Report.of(lines), false);
  }

  boolean watcherLives() {
    return process.isAlive();
  }

  /** Closes the life line: the guardian ends its run, and then itself. */
  void close() {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      // Nobody reads it any more.
    }
  }

  /** Kills the guardian and all that descends from it. */
  void kill() {
    try (Stream<ProcessHandle> descendants =
        Stream.concat(
            process.descendants(), starter.stream().flatMap(ProcessHandle::descendants))) {
      List<ProcessHandle> all = descendants.toList();
      process.destroyForcibly();
      starter.ifPresent(ProcessHandle::destroyForcibly);
      all.forEach(ProcessHandle::destroyForcibly);
    }
  }
}
