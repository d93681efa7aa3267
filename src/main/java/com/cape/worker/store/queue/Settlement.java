package com.cape.worker.store.queue;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.store.pause.PauseOrder;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What is written when an attempt has ended.
 *
 * @param backoff for a pending issue; empty keeps its place in the queue
 * @param error one readable line, then the end of the output; at most 8 KiB are kept
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
    Optional<PauseOrder> pause) {
  private static final int ERROR_LIMIT_BYTES = 8 * 1024;
  private static final Pattern BEYOND_ASCII = Pattern.compile("[^\\p{ASCII}]");

  public Settlement {
    error = error.map(Settlement::shortened);
  }

  /** For an attempt that nothing was run for. */
  static Settlement withoutRun(Outcome outcome, IssueStatus status, boolean counted, String cause) {
    return new Settlement(
        outcome,
        status,
        Optional.empty(),
        counted,
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
        pause.map(order -> order.with(ascii(order.reason()), ascii(order.line()))));
  }

  static String ascii(String text) {
    return BEYOND_ASCII.matcher(text).replaceAll("?");
  }

  private static String shortened(String text) {
    byte[] bytes = text.getBytes(UTF_8);
    if (bytes.length <= ERROR_LIMIT_BYTES) {
      return text;
    }
    int end = ERROR_LIMIT_BYTES;
    // Not within a character: its further bytes begin with the bits 10.
    while ((bytes[end] & 0xC0) == 0x80) {
      end--;
    }
    return new String(bytes, 0, end, UTF_8);
  }
}
