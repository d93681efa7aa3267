package com.cape.worker.cli.console;

import com.cape.worker.config.HttpAddress;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.read.IssueQueries;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.TypeConversionException;

/** Reads the words that people give for values, and finds those that were meant. */
public final class Words {
  private static final Pattern DURATION =
      Pattern.compile("(?=\\d)(?:(\\d{1,4})d)?(?:(\\d{1,5})h)?(?:(\\d{1,7})m)?(?:(\\d{1,9})s?)?");

  private Words() {}

  /** Lets the options and parameters of all commands have these types. */
  public static void register(CommandLine commandLine) {
    commandLine
        .registerConverter(IssueStatus.class, text -> constant(IssueStatus.class, "status", text))
        .registerConverter(
            IssueQueries.Sort.class, text -> constant(IssueQueries.Sort.class, "order", text))
        .registerConverter(WorkerId.class, Words::workerId)
        .registerConverter(HttpAddress.class, Words::address)
        .registerConverter(int.class, Words::wholeNumber)
        .registerConverter(Integer.class, Words::wholeNumber)
        .registerConverter(long.class, Words::issueId)
        .registerConverter(Duration.class, Words::duration);
  }

  private static <E extends Enum<E>> E constant(Class<E> type, String kind, String text) {
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
            .formatted(text, kind, String.join(", ", words), nearMiss(word, words)));
  }

  private static WorkerId workerId(String text) {
    try {
      return new WorkerId(text);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException(e.getMessage());
    }
  }

  private static HttpAddress address(String text) {
    try {
      return HttpAddress.parse(text);
    } catch (IllegalArgumentException e) {
      throw new TypeConversionException("'%s' %s".formatted(text, e.getMessage()));
    }
  }

  private static Integer wholeNumber(String text) {
    if (!text.matches("[-+]?\\d{1,9}")) {
      throw new TypeConversionException(
          "'%s' is no whole number of up to nine digits".formatted(text));
    }
    return Integer.valueOf(text);
  }

  public static Long issueId(String text) {
    if (!text.matches("[1-9]\\d{0,17}")) {
      throw new TypeConversionException(
          "'%s' is no issue id; 'cape-worker list' shows them".formatted(text));
    }
    return Long.valueOf(text);
  }

  /** Reads {@code 90}, {@code 90s}, {@code 15m}, {@code 2h}, {@code 1d12h}. */
  static Duration duration(String text) {
    Matcher written = DURATION.matcher(text.strip());
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

  /** {@code ; did you mean 'status'?}, or nothing when no word is near. */
  public static String nearMiss(String word, Collection<String> words) {
    int most = Math.max(1, word.length() / 3);
    return words.stream()
        .filter(candidate -> distance(word, candidate) <= most)
        .min(Comparator.comparingInt(candidate -> distance(word, candidate)))
        .map("; did you mean '%s'?"::formatted)
        .orElse("");
  }

  /** Letters to insert, remove, replace, or swap with the next one (optimal string alignment). */
  private static int distance(String one, String other) {
    int[][] cost = new int[one.length() + 1][other.length() + 1];
    for (int i = 0; i <= one.length(); i++) {
      for (int j = 0; j <= other.length(); j++) {
        if (i == 0 || j == 0) {
          cost[i][j] = i + j;
          continue;
        }
        int replaced = one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1;
        cost[i][j] =
            Math.min(cost[i - 1][j - 1] + replaced, Math.min(cost[i - 1][j], cost[i][j - 1]) + 1);
        boolean swapped =
            i > 1
                && j > 1
                && one.charAt(i - 1) == other.charAt(j - 2)
                && one.charAt(i - 2) == other.charAt(j - 1);
        if (swapped) {
          cost[i][j] = Math.min(cost[i][j], cost[i - 2][j - 2] + 1);
        }
      }
    }
    return cost[one.length()][other.length()];
  }
}
