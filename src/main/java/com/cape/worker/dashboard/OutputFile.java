package com.cape.worker.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.run.SafeFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.OptionalInt;

/**
 * The file that an attempt prints to, read piece by piece. A piece begins and ends between words
 * where it can, so that no character is torn, and no password that has to be masked.
 */
final class OutputFile {
  static final int MOST_BYTES = 256 * 1024;
  static final int FIRST_BYTES = 64 * 1024;
  private static final int LONGEST_WORD = 4096;

  private OutputFile() {}

  /** The bytes from {@code from}, which may lie behind what was asked for, up to {@code to}. */
  record Piece(long from, long to, long size, String text) {}

  /**
   * @param from negative for the end of the file
   * @param limit how many bytes, where what comes behind is known already
   * @param ended whether the file grows no more
   */
  static Piece read(FileChannel channel, long from, OptionalInt limit, boolean ended)
      throws IOException {
    long size = channel.size();
    long start = from < 0 ? Math.max(0, size - FIRST_BYTES) : Math.min(from, size);
    int most = Math.min(limit.orElse(MOST_BYTES), MOST_BYTES);
    byte[] bytes = SafeFile.read(channel, start, (int) Math.min(most, size - start));
    boolean torn = start > 0 && (from < 0 || limit.isPresent());
    int first = torn ? behindWord(bytes) : 0;
    boolean whole = limit.isPresent() || (ended && start + bytes.length >= size);
    int end = whole ? bytes.length : Math.max(first, lastGap(bytes));
    return new Piece(
        start + first, start + end, size, new String(bytes, first, end - first, UTF_8));
  }

  /** Returns the end of a word that may have begun before. */
  private static int behindWord(byte[] bytes) {
    for (int i = 0; i < Math.min(bytes.length, LONGEST_WORD); i++) {
      if (isGap(bytes[i])) {
        return i;
      }
    }
    int start = Math.min(bytes.length, LONGEST_WORD);
    while (start < bytes.length && isContinued(bytes[start])) {
      start++;
    }
    return start;
  }

  /** Returns the end of the last gap; in a very long word the start of the last character. */
  private static int lastGap(byte[] bytes) {
    for (int i = bytes.length - 1; i >= Math.max(0, bytes.length - LONGEST_WORD); i--) {
      if (isGap(bytes[i])) {
        return i + 1;
      }
    }
    if (bytes.length <= LONGEST_WORD) {
      return 0;
    }
    int last = bytes.length - 1;
    while (last > 0 && isContinued(bytes[last])) {
      last--;
    }
    return last;
  }

  private static boolean isGap(byte b) {
    return b == ' ' || b == '\n' || b == '\t' || b == '\r';
  }

  private static boolean isContinued(byte b) {
    return (b & 0xC0) == 0x80;
  }
}
