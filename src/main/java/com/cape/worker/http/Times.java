package com.cape.worker.http;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** Times and durations as people read them. */
public final class Times {
  private static final DateTimeFormatter UTC =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss'Z'").withZone(ZoneOffset.UTC);
  // PostgreSQL's infinities lie beyond.
  private static final Instant FIRST = Instant.parse("0001-01-01T00:00:00Z");
  private static final Instant LAST = Instant.parse("9999-12-31T00:00:00Z");

  private Times() {}

  /** Whether it is infinity, or lies beyond what can be written with four digits of a year. */
  public static boolean forever(Instant time) {
    return time.isBefore(FIRST) || time.isAfter(LAST);
  }

  /** {@code 2026-11-24 09:30:00Z}. */
  public static String full(Instant time) {
    if (forever(time)) {
      return time.isAfter(LAST) ? "never" : "always";
    }
    return UTC.format(time);
  }

  /** From one to the other in its two largest units: {@code 3d 4h}, {@code 5m 06s}, {@code 7s}. */
  public static String between(Instant from, Instant to) {
    return forever(from) || forever(to) ? "ever" : brief(Duration.between(from, to));
  }

  /** Its two largest units. */
  public static String brief(Duration duration) {
    Duration whole = duration.isNegative() ? Duration.ZERO : duration;
    if (whole.toDays() > 0) {
      return "%dd %dh".formatted(whole.toDays(), whole.toHoursPart());
    }
    if (whole.toHours() > 0) {
      return "%dh %02dm".formatted(whole.toHours(), whole.toMinutesPart());
    }
    if (whole.toMinutes() > 0) {
      return "%dm %02ds".formatted(whole.toMinutes(), whole.toSecondsPart());
    }
    return whole.toSeconds() + "s";
  }
}
