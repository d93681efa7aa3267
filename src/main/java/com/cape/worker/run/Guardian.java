package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A guardian process, which runs one command after the other. One thread begins runs and waits for
 * them; any thread may speak on the life line.
 */
final class Guardian {
  private static final String OVER = "over ";
  private static final String BEGUN = "begun";
  private static final String UNFORKED = "unforked";

  private final Process process;
  private final BufferedReader reports;
  private long number;

  Guardian(GuardianScript script) throws IOException {
    process = script.start();
    reports = process.inputReader(UTF_8);
  }

  /** Begins a run; its number, or empty when the guardian is gone. */
  Optional<Long> begin(RunSpec spec) {
    number++;
    boolean told =
        send(
            String.join(
                " ",
                "run",
                Long.toString(number),
                Long.toString(spec.grace().toSeconds()),
                Long.toString(spec.deadline().toSeconds()),
                GuardianScript.cookie(spec.runId()),
                spec.folder().path().toString()));
    return told ? Optional.of(number) : Optional.empty();
  }

  /** Says a line on the life line; false when nobody reads it any more. */
  synchronized boolean send(String line) {
    try {
      OutputStream lifeLine = process.getOutputStream();
      lifeLine.write((line + "\n").getBytes(UTF_8));
      lifeLine.flush();
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * What was said of a run.
   *
   * @param begun whether the command was started; a guardian that went could not say so
   * @param over false when the guardian went before it could say so
   * @param unforked whether it went because it could not fork
   */
  record Told(Report report, boolean begun, boolean over, boolean unforked) {
    private Told(List<String> lines, boolean over) {
      this(Report.of(lines), lines.contains(BEGUN), over, lines.contains(UNFORKED));
    }
  }

  /** Waits until a run is over, or the guardian is gone. */
  Told await(long run) {
    List<String> lines = new ArrayList<>();
    try {
      for (String line = reports.readLine(); line != null; line = reports.readLine()) {
        if (line.equals(OVER + run)) {
          return new Told(lines, true);
        }
        lines.add(line);
      }
    } catch (IOException e) {
      // Closed under the reader, because the process has ended.
    }
    return new Told(lines, false);
  }

  /** Cuts the life line: the guardian ends what it guards, and then itself. */
  void close() {
    try {
      process.getOutputStream().close();
    } catch (IOException e) {
      // Nobody reads it any more.
    }
  }

  /** Ends a guardian at once, and all that it has started; not what a killed watcher left. */
  void kill() {
    try (Stream<ProcessHandle> started = process.descendants()) {
      List<ProcessHandle> all = started.toList();
      process.destroyForcibly();
      all.forEach(ProcessHandle::destroyForcibly);
    }
  }
}
