package com.cape.worker.store.queue;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What is written when an attempt has ended.
 *
 * @param status of the issue from now on
 * @param backoff for a pending issue; empty keeps its place in the queue
 * @param counted whether the attempt counts
 * @param error one readable line, then the end of the output; empty for a completed issue
 * @param fleetPause for how long no worker claims anything
 */
public record Settlement(
    Outcome outcome,
    IssueStatus status,
    Optional<Duration> backoff,
    boolean counted,
    Optional<Integer> exitCode,
    Optional<Integer> signal,
    Optional<String> error,
    String outputTail,
    Optional<Duration> fleetPause) {
  private static final int ERROR_LIMIT_BYTES = 8 * 1024;
  private static final Pattern BEYOND_ASCII = Pattern.compile("[^\\p{ASCII}]");

  /** Keeps the beginning of an error that is too long for its column. */
  public Settlement {
    error = error.map(Settlement::shortened);
  }

  /** For an issue that cannot be run as it stands. */
  static Settlement unfit(String cause) {
    return new Settlement(
        Outcome.FAILED,
        IssueStatus.FAILED,
        Optional.empty(),
        true,
        Optional.empty(),
        Optional.empty(),
        Optional.of(cause),
        "",
        Optional.empty());
  }

  /** The same with a question mark for each character beyond ASCII. */
  Settlement inAscii() {
    return new Settlement(
        outcome,
        status,
        backoff,
        counted,
        exitCode,
        signal,
        error.map(Settlement::ascii),
        ascii(outputTail),
        fleetPause);
  }

  static String ascii(String text) {
    return BEYOND_ASCII.matcher(text).replaceAll("?");
  }

  private static String shortened(String text) {
    byte[] bytes = text.getBytes(UTF_8);
    int end = ERROR_LIMIT_BYTES;
    if (bytes.length <= end) {
      return text;
    }
    // Not within a character: its further bytes begin with the bits 10.
    while ((bytes[end] & 0xC0) == 0x80) {
      end--;
    }
    return new String(bytes, 0, end, UTF_8);
  }
}
