package com.cape.worker.cli;

import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Times and durations as people read and write them. */
final class Times {
  private static final Pattern WRITTEN =
      Pattern.compile("(?=\\d)(?:(\\d{1,4})d)?(?:(\\d{1,5})h)?(?:(\\d{1,7})m)?(?:(\\d{1,9})s?)?");
  private static final DateTimeFormatter UTC =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss'Z'").withZone(ZoneOffset.UTC);
  // PostgreSQL's infinities lie beyond.
  private static final Instant FIRST = Instant.parse("0001-01-01T00:00:00Z");
  private static final Instant LAST = Instant.parse("9999-12-31T00:00:00Z");

  private Times() {}

  /** Whether it is infinity, or lies beyond what can be written with four digits of a year. */
  static boolean forever(Instant time) {
    return time.isBefore(FIRST) || time.isAfter(LAST);
  }

  /** {@code 2026-11-24 09:30:00Z}. */
  static String full(Instant time) {
    if (forever(time)) {
      return time.isAfter(LAST) ? "never" : "always";
    }
    return UTC.format(time);
  }

  /** From one to the other in its two largest units: {@code 3d 4h}, {@code 5m 06s}, {@code 7s}. */
  static String between(Instant from, Instant to) {
    return forever(from) || forever(to) ? "ever" : brief(Duration.between(from, to));
  }

  static String brief(Duration duration) {
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

  /** Reads {@code 90}, {@code 90s}, {@code 15m}, {@code 2h}, {@code 1d12h}. */
  static final class Reader implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      Matcher written = WRITTEN.matcher(text.strip());
      if (!written.matches()) {
        throw new TypeConversionException(
            "'%s' is no duration; write 90s, 15m, 2h, 1d or 1h30m".formatted(text));
      }
      return Duration.ofDays(number(written.group(1)))
          .plusHours(number(written.group(2)))
          .plusMinutes(number(written.group(3)))
          .plusSeconds(number(written.group(4)));
    }

    private static long number(String digits) {
      return Optional.ofNullable(digits).map(Long::parseLong).orElse(0L);
    }
  }
}
