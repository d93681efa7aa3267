package com.cape.worker.store.pause;

import java.time.Duration;
import java.util.List;
import java.util.Locale;

/**
 * A pause that an attempt's end asks for. It ends by itself, with a probe.
 *
 * @param waits how long it holds: the first time, and each time that the probe finds it to hold
 *     still; the last one repeats
 * @param rampStep in which the rate of claims at most doubles after the probe
 * @param reason for people, one line
 * @param line what it was read from; empty for a pause that needs no wording
 */
public record PauseOrder(
    PauseScope scope,
    Kind kind,
    List<Duration> waits,
    Duration rampStep,
    String reason,
    String line) {
  /** What ends it, and what is said of it. */
  public enum Kind {
    /** By a person, or by an earlier version: it ends without a probe. */
    ASKED,
    LIMIT,
    SPEND,
    LOGIN,
    /** Each run fails at once. */
    FAILING,
    /** Each run fails, and those of other workers do not. */
    BROKEN;

    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }

    static Kind ofWord(String word) {
      return valueOf(word.toUpperCase(Locale.ROOT));
    }
  }

  public PauseOrder {
    waits = List.copyOf(waits);
    if (waits.isEmpty() || kind == Kind.ASKED) {
      throw new IllegalArgumentException("a pause of this kind has a wait: " + kind);
    }
  }

  /** The same in other words. */
  public PauseOrder with(String otherReason, String otherLine) {
    return new PauseOrder(scope, kind, waits, rampStep, otherReason, otherLine);
  }
}
