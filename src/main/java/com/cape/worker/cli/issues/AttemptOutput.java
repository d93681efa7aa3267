package com.cape.worker.cli.issues;

import com.cape.worker.cli.console.Console;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.daemon.ThisProcess;
import com.cape.worker.run.AttemptLog;
import com.cape.worker.run.OutputTail;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.text.PlainText;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.Optional;

/** What attempts print, from where it can be had: their file on this host, else the kept end. */
final class AttemptOutput implements AutoCloseable {
  private static final long NONE = -1;

  private final Console output;
  private final String host = ThisProcess.host();
  private long fence = NONE;
  private boolean noted;
  private Optional<LogStream> stream = Optional.empty();

  AttemptOutput(Console output) {
    this.output = output;
  }

  /** Prints what is new; {@code last} is whether no more is to come. */
  void print(AttemptView attempt, boolean last) {
    if (attempt.fence() != fence) {
      close();
      fence = attempt.fence();
      noted = false;
      stream = Optional.empty();
    }
    if (stream.isEmpty()) {
      stream = file(attempt).map(file -> new LogStream(file, output.out()));
    }
    if (stream.isPresent()) {
      stream.get().copy(last);
    } else if (last) {
      printEnd(attempt);
    } else if (!noted && !isHere(attempt)) {
      noted = true;
      output.note(
          "attempt %d runs on %s; its output is in %s there, and its end comes when it has ended"
              .formatted(attempt.attempt(), where(attempt), name(attempt)));
    }
  }

  /** The last line so far; empty where the file is not on this host. */
  Optional<String> lastLine(AttemptView attempt) {
    Optional<FileChannel> file = file(attempt);
    if (file.isEmpty()) {
      return Optional.empty();
    }
    try (FileChannel open = file.get()) {
      return OutputTail.of(open)
          .lines()
          .filter(line -> !line.isBlank())
          .reduce((before, line) -> line)
          .map(PlainText::line);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private void printEnd(AttemptView attempt) {
    if (attempt.running()) {
      throw new Refusal(
          ExitCode.FAILED,
          "attempt %d runs on %s; its output is in %s there"
              .formatted(attempt.attempt(), where(attempt), name(attempt)));
    }
    String why =
        isHere(attempt)
            ? "is gone, is not the file of this attempt, or cannot be read by this user or in this locale"
            : "lies there";
    output.note(
        "attempt %d ran on %s; %s %s; here is the end that was kept"
            .formatted(attempt.attempt(), where(attempt), name(attempt), why));
    output.out().print(attempt.outputTail().map(PlainText::lines).orElse(""));
    output.out().flush();
  }

  private Optional<FileChannel> file(AttemptView attempt) {
    return attempt
        .logFile()
        .filter(name -> isHere(attempt))
        .flatMap(
            name -> AttemptLog.open(name, attempt.issueId(), attempt.attempt(), attempt.fence()));
  }

  private boolean isHere(AttemptView attempt) {
    return attempt.host().equals(host);
  }

  private static String where(AttemptView attempt) {
    return PlainText.line(attempt.host());
  }

  private static String name(AttemptView attempt) {
    return attempt.logFile().map(PlainText::line).orElse("no file");
  }

  @Override
  public void close() {
    stream.ifPresent(LogStream::close);
  }
}
