package com.cape.worker.ending;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Reads when a limit ends, and keeps it within bounds: nobody checks what a tool prints. */
final class ResetTime {
  static final Duration SHORTEST = Duration.ofMinutes(1);
  static final Duration LONGEST = Duration.ofDays(8);
  static final Duration LONGEST_OF_TEXT = Duration.ofHours(6);
  static final Duration LONGEST_WITHOUT_ZONE = Duration.ofHours(1);
  // A window of five hours, and some minutes for a clock that goes wrong.
  static final Duration FARTHEST_WITHOUT_ZONE = Duration.ofMinutes(330);
  // Tools round down to the minute or to the hour's quarter.
  static final Duration JUST_PASSED = Duration.ofMinutes(15);
  static final Duration AFTER_JUST_PASSED = Duration.ofMinutes(2);

  private static final Pattern EPOCH = Pattern.compile("\\d{10}(?:\\d{3})?");
  private static final Pattern DURATION_PART =
      Pattern.compile("(\\d{1,6}(?:\\.\\d{1,9})?) ?(ms|[dhms])[a-z]{0,11}[, ]{0,2}(?:and )?");
  private static final Pattern DURATION =
      Pattern.compile("(?:in |for )?((?:" + DURATION_PART.pattern() + ")+)");
  private static final Pattern PLAIN_SECONDS = Pattern.compile("(\\d{1,9})(?:\\.\\d{1,9})?");
  private static final Pattern CLOCK =
      Pattern.compile(
          "(?:(?<month>[a-z]{3,9})\\.? (?<day>\\d{1,2})(?:st|nd|rd|th)?(?:,? (?<year>\\d{4}))?"
              + "(?:,| at|, at)? )?"
              + "(?<hour>\\d{1,2})(?::(?<minute>\\d{2}))?(?::\\d{2})? ?(?<half>[ap])?(?:\\.?m\\.?)?"
              + "(?: ?\\((?<zone>[a-z0-9_/+:-]{1,40})\\))?");
  private static final Pattern SPACES = Pattern.compile("[\\h\\v]+");
  private static final List<String> MONTHS =
      List.of(
          "january",
          "february",
          "march",
          "april",
          "may",
          "june",
          "july",
          "august",
          "september",
          "october",
          "november",
          "december");

  private ResetTime() {}

  /** How a time is written. */
  enum Kind {
    /** Seconds or milliseconds since 1970. */
    EPOCH,
    /** A length of time from now on. */
    DURATION,
    /** A time of the day, perhaps with date and zone. */
    CLOCK
  }

  /** Where a time was found: a field that holds nothing else, or a text for people. */
  enum Source {
    FIELD,
    TEXT
  }

  /**
   * Returns the time within its bounds; empty when it cannot be read, has passed, or is too far.
   *
   * @param zone of a clock time that names none
   */
  static Optional<Instant> read(Kind kind, String text, Source source, Instant now, ZoneId zone) {
    String plain = SPACES.matcher(text).replaceAll(" ").strip();
    Duration longest = source == Source.FIELD ? LONGEST : LONGEST_OF_TEXT;
    try {
      return switch (kind) {
        case EPOCH -> epoch(plain).flatMap(time -> bounded(time, longest, now));
        case DURATION ->
            duration(plain.toLowerCase(Locale.ROOT))
                .flatMap(length -> bounded(now.plus(length), longest, now));
        case CLOCK -> clock(plain, now, zone);
      };
    } catch (DateTimeException | ArithmeticException e) {
      return Optional.empty();
    }
  }

  /** Returns now and this length, within the bounds. */
  static Optional<Instant> after(Duration length, Instant now) {
    try {
      return bounded(now.plus(length), LONGEST, now);
    } catch (DateTimeException | ArithmeticException e) {
      return Optional.empty();
    }
  }

  private static Optional<Instant> bounded(Instant time, Duration longest, Instant now) {
    if (time.isBefore(now)) {
      return time.isBefore(now.minus(JUST_PASSED))
          ? Optional.empty()
          : Optional.of(now.plus(AFTER_JUST_PASSED));
    }
    Instant earliest = now.plus(SHORTEST);
    Instant latest = now.plus(longest);
    if (time.isBefore(earliest)) {
      return Optional.of(earliest);
    }
    return Optional.of(time.isAfter(latest) ? latest : time);
  }

  private static Optional<Instant> epoch(String text) {
    if (!EPOCH.matcher(text).matches()) {
      return Optional.empty();
    }
    long number = Long.parseLong(text);
    return Optional.of(
        text.length() > 10 ? Instant.ofEpochMilli(number) : Instant.ofEpochSecond(number));
  }

  private static Optional<Duration> duration(String text) {
    Matcher seconds = PLAIN_SECONDS.matcher(text);
    if (seconds.matches()) {
      return Optional.of(Duration.ofSeconds(Long.parseLong(seconds.group(1))));
    }
    Matcher whole = DURATION.matcher(text);
    if (!whole.matches()) {
      return Optional.empty();
    }
    double sum = 0;
    Matcher part = DURATION_PART.matcher(whole.group(1));
    while (part.find()) {
      sum += Double.parseDouble(part.group(1)) * seconds(part.group(2));
    }
    return Optional.of(Duration.ofSeconds((long) Math.ceil(sum)));
  }

  private static double seconds(String unit) {
    return switch (unit) {
      case "d" -> 86_400;
      case "h" -> 3_600;
      case "m" -> 60;
      case "s" -> 1;
      default -> 0.001;
    };
  }

  private static Optional<Instant> clock(String text, Instant now, ZoneId runZone) {
    Matcher written = CLOCK.matcher(text.toLowerCase(Locale.ROOT));
    if (!written.matches()) {
      return Optional.empty();
    }
    Optional<LocalTime> time = time(written);
    // The names of zones are told apart by case.
    Optional<ZoneId> named =
        group(written, "zone")
            .map(zone -> text.substring(written.start("zone"), written.end("zone")))
            .map(ZoneId::of);
    ZoneId zone = named.orElse(runZone);
    boolean dated = written.group("month") != null;
    Optional<Instant> found =
        time.flatMap(clock -> dated ? onDate(written, clock, zone, now) : next(clock, zone, now));
    if (named.isPresent() || dated) {
      return found.flatMap(at -> bounded(at, LONGEST_OF_TEXT, now));
    }
    return found
        .filter(at -> !at.isAfter(now.plus(FARTHEST_WITHOUT_ZONE)))
        .flatMap(at -> bounded(at, LONGEST_WITHOUT_ZONE, now));
  }

  private static Optional<LocalTime> time(Matcher written) {
    Optional<String> half = group(written, "half");
    if (half.isEmpty() && group(written, "minute").isEmpty()) {
      return Optional.empty();
    }
    int hour = Integer.parseInt(written.group("hour"));
    int minute = group(written, "minute").map(Integer::parseInt).orElse(0);
    if (half.isEmpty()) {
      return Optional.of(LocalTime.of(hour, minute));
    }
    if (hour < 1 || hour > 12) {
      return Optional.empty();
    }
    return Optional.of(LocalTime.of(hour % 12 + (half.get().equals("p") ? 12 : 0), minute));
  }

  /** The first such time that is to come or has just passed. */
  private static Optional<Instant> next(LocalTime time, ZoneId zone, Instant now) {
    LocalDate today = LocalDate.ofInstant(now, zone);
    return IntStream.rangeClosed(-1, 2)
        .mapToObj(days -> today.plusDays(days).atTime(time).atZone(zone).toInstant())
        .filter(at -> !at.isBefore(now.minus(JUST_PASSED)))
        .findFirst();
  }

  /** Without a year, the date nearest to now. */
  private static Optional<Instant> onDate(
      Matcher written, LocalTime time, ZoneId zone, Instant now) {
    String month = written.group("month");
    int number =
        IntStream.range(0, MONTHS.size())
            .filter(
                index ->
                    MONTHS.get(index).startsWith(month) || (month.equals("sept") && index == 8))
            .findFirst()
            .orElse(-1);
    if (number < 0) {
      return Optional.empty();
    }
    int day = Integer.parseInt(written.group("day"));
    int thisYear = LocalDate.ofInstant(now, zone).getYear();
    IntStream years =
        group(written, "year")
            .map(year -> IntStream.of(Integer.parseInt(year)))
            .orElseGet(() -> IntStream.rangeClosed(thisYear - 1, thisYear + 1));
    return years
        .filter(year -> day >= 1 && day <= LocalDate.of(year, number + 1, 1).lengthOfMonth())
        .mapToObj(year -> LocalDate.of(year, number + 1, day).atTime(time).atZone(zone).toInstant())
        .min(Comparator.comparing(at -> Duration.between(now, at).abs()));
  }

  private static Optional<String> group(Matcher matcher, String name) {
    return Optional.ofNullable(matcher.group(name));
  }
}
