package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.text.PlainText;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** The end of a run's output, fit for PostgreSQL and a terminal, with secrets masked. */
public final class OutputTail {
  /** The most that is kept with an attempt, in bytes of UTF-8. */
  public static final int LIMIT_BYTES = 8 * 1024;

  // Terminal codes and invalid bytes shrink when they are cleaned, so more is read than is kept.
  private static final int READ_BYTES = 4 * LIMIT_BYTES;

  // A secret that the beginning cuts could not be told from other text.
  private static final Pattern CUT_WORD = Pattern.compile("^\\S{1,4096}");

  private OutputTail() {}

  /** Throws NoSuchFileException when no regular file is there. */
  public static String of(Path file) throws IOException {
    try (FileChannel channel = SafeFile.open(file)) {
      return of(channel);
    }
  }

  /** The last bytes, at most so many, as they are. */
  static String raw(FileChannel channel, int atMost) throws IOException {
    long start = Math.max(0, channel.size() - atMost);
    return new String(SafeFile.read(channel, start, atMost), UTF_8);
  }

  public static String of(FileChannel channel) throws IOException {
    long start = Math.max(0, channel.size() - READ_BYTES);
    String text = raw(channel, READ_BYTES);
    String whole = start == 0 ? text : CUT_WORD.matcher(text).replaceFirst("");
    return lastBytes(PlainText.lines(whole), LIMIT_BYTES);
  }

  /** The longest end of the text that fits into so many bytes of UTF-8. */
  public static String lastBytes(String text, int limitBytes) {
    byte[] bytes = text.getBytes(UTF_8);
    int start = Math.max(0, bytes.length - limitBytes);
    while (start < bytes.length && (bytes[start] & 0xC0) == 0x80) {
      start++;
    }
    return new String(bytes, start, bytes.length - start, UTF_8);
  }
}
