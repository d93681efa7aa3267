package com.cape.worker.cli.console;

import com.cape.worker.config.HttpAddress;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.read.IssueQueries;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads the words that people give for values. */
public final class Words {
  private Words() {}

  private static <E extends Enum<E>> E read(Class<E> type, String kind, String text) {
    String word = text.strip().toLowerCase(Locale.ROOT);
    List<String> words =
        Arrays.stream(type.getEnumConstants())
            .map(value -> value.name().toLowerCase(Locale.ROOT))
            .toList();
    if (words.contains(word)) {
      return Enum.valueOf(type, word.toUpperCase(Locale.ROOT));
    }
    throw new TypeConversionException(
        "'%s' is no %s: there are %s%s"
            .formatted(text, kind, String.join(", ", words), NearMiss.hint(word, words)));
  }

  /** Of {@code --status}. */
  public static final class Status implements ITypeConverter<IssueStatus> {
    @Override
    public IssueStatus convert(String text) {
      return read(IssueStatus.class, "status", text);
    }
  }

  /** Of {@code --sort}. */
  public static final class Sort implements ITypeConverter<IssueQueries.Sort> {
    @Override
    public IssueQueries.Sort convert(String text) {
      return read(IssueQueries.Sort.class, "order", text);
    }
  }

  /** Of {@code --worker}. */
  public static final class Worker implements ITypeConverter<WorkerId> {
    @Override
    public WorkerId convert(String text) {
      try {
        return new WorkerId(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /** A whole number that an int can hold. */
  public static final class WholeNumber implements ITypeConverter<Integer> {
    @Override
    public Integer convert(String text) {
      if (!text.matches("[-+]?\\d{1,9}")) {
        throw new TypeConversionException(
            "'%s' is no whole number of up to nine digits".formatted(text));
      }
      return Integer.valueOf(text);
    }
  }

  /** An issue's number. */
  public static final class IssueId implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      if (!text.matches("[1-9]\\d{0,17}")) {
        throw new TypeConversionException(
            "'%s' is no issue id; 'cape-worker list' shows them".formatted(text));
      }
      return Long.valueOf(text);
    }
  }

  /** Of {@code --http}. */
  public static final class Address implements ITypeConverter<HttpAddress> {
    @Override
    public HttpAddress convert(String text) {
      try {
        return HttpAddress.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException("'%s' %s".formatted(text, e.getMessage()));
      }
    }
  }

  /** Reads {@code 90}, {@code 90s}, {@code 15m}, {@code 2h}, {@code 1d12h}. */
  public static final class Length implements ITypeConverter<Duration> {
    private static final Pattern WRITTEN =
        Pattern.compile("(?=\\d)(?:(\\d{1,4})d)?(?:(\\d{1,5})h)?(?:(\\d{1,7})m)?(?:(\\d{1,9})s?)?");

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
