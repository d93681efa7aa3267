package com.cape.worker.cli.issues;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.text.PlainText;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;

/** Prints a file that grows, line by line, made fit for a terminal. */
final class LogStream implements AutoCloseable {
  private static final int BLOCK_BYTES = 64 * 1024;

  private final InputStream bytes;
  private final PrintWriter out;
  // What has been read and not printed: a line without its end.
  private final ByteArrayOutputStream open = new ByteArrayOutputStream();

  LogStream(FileChannel file, PrintWriter out) {
    this.bytes = Channels.newInputStream(file);
    this.out = out;
  }

  /** Prints what was added since the last time; the last time, also a line without its end. */
  void copy(boolean last) {
    try {
      byte[] block = new byte[BLOCK_BYTES];
      for (int read = bytes.read(block); read > 0; read = bytes.read(block)) {
        open.write(block, 0, read);
        print(false);
      }
    } catch (IOException e) {
      throw new Refusal(ExitCode.FAILED, "the output cannot be read: " + e.getMessage());
    }
    if (last) {
      print(true);
    }
    out.flush();
  }

  private void print(boolean all) {
    byte[] waiting = open.toByteArray();
    int end = all ? waiting.length : end(waiting);
    out.print(PlainText.lines(new String(waiting, 0, end, UTF_8)));
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

  @Override
  public void close() {
    try {
      bytes.close();
    } catch (IOException e) {
      // It was only read.
    }
  }
}
