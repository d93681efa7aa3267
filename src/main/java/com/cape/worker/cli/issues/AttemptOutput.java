package com.cape.worker.cli.issues;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.cli.console.Console;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.host.Machine;
import com.cape.worker.run.AttemptLog;
import com.cape.worker.run.OutputTail;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.text.PlainText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.util.Optional;

/** What attempts print, from where it can be had: their file on this host, else the kept end. */
final class AttemptOutput implements AutoCloseable {
  private static final long NONE = -1;
  private static final int BLOCK_BYTES = 64 * 1024;

  private final Console output;
  private final String host = Machine.hostName();
  private long fence = NONE;
  private boolean noted;
  private Optional<InputStream> file = Optional.empty();
  // What has been read and not printed: a line without its end.
  private final ByteArrayOutputStream open = new ByteArrayOutputStream();

  AttemptOutput(Console output) {
    this.output = output;
  }

  /** Prints what is new; {@code last} is whether no more is to come. */
  void print(AttemptView attempt, boolean last) {
    if (attempt.fence() != fence) {
      close();
      fence = attempt.fence();
      noted = false;
      open.reset();
    }
    if (file.isEmpty()) {
      file = file(attempt).map(Channels::newInputStream);
    }
    if (file.isPresent()) {
      copy(file.get(), last);
    } else if (last) {
      printEnd(attempt);
    } else if (!noted && !isHere(attempt)) {
      noted = true;
      output.note(
          "attempt %d runs on %s; its output is in %s there, and its end comes when it has ended"
              .formatted(attempt.attempt(), where(attempt), name(attempt)));
    }
  }

  /** Prints the lines that were added; the last time, also one without its end. */
  private void copy(InputStream bytes, boolean last) {
    try {
      byte[] block = new byte[BLOCK_BYTES];
      for (int read = bytes.read(block); read > 0; read = bytes.read(block)) {
        open.write(block, 0, read);
        printLines(false);
      }
    } catch (IOException e) {
      throw new Refusal("the output cannot be read: " + e.getMessage());
    }
    if (last) {
      printLines(true);
    }
    output.out().flush();
  }

  private void printLines(boolean all) {
    byte[] waiting = open.toByteArray();
    int end = all ? waiting.length : end(waiting);
    output.out().print(PlainText.lines(new String(waiting, 0, end, UTF_8)));
    open.reset();
    open.write(waiting, end, waiting.length - end);
  }

  /** Behind the last line end; in a line that is longer than a block, behind a word. */
  private static int end(byte[] waiting) {
    for (int i = waiting.length - 1; i >= 0; i--) {
      // A carriage return may be half of a line end.
      if (waiting[i] == '\n' || (waiting[i] == '\r' && i < waiting.length - 1)) {
        return i + 1;
      }
    }
    if (waiting.length < BLOCK_BYTES) {
      return 0;
    }
    for (int i = waiting.length - 1; i >= 0; i--) {
      if (waiting[i] == ' ') {
        return i + 1;
      }
    }
    int last = waiting.length - 1;
    // Not within a character: its further bytes begin with the bits 10, its first one with 11.
    while (last > 0 && (waiting[last] & 0xC0) == 0x80) {
      last--;
    }
    return (waiting[last] & 0xC0) == 0xC0 ? last : waiting.length;
  }

  /** The last line so far; empty where the file is not on this host. */
  Optional<String> lastLine(AttemptView attempt) {
    Optional<FileChannel> channel = file(attempt);
    if (channel.isEmpty()) {
      return Optional.empty();
    }
    try (FileChannel opened = channel.get()) {
      return OutputTail.of(opened)
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
    try {
      if (file.isPresent()) {
        file.get().close();
      }
    } catch (IOException e) {
      // It was only read.
    }
    file = Optional.empty();
  }
}
