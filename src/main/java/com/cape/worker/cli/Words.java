package com.cape.worker.cli;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.IssueQueries;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads the words that people give for values. */
final class Words {
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
  static final class Status implements ITypeConverter<IssueStatus> {
    @Override
    public IssueStatus convert(String text) {
      return read(IssueStatus.class, "status", text);
    }
  }

  /** Of {@code --sort}. */
  static final class Sort implements ITypeConverter<IssueQueries.Sort> {
    @Override
    public IssueQueries.Sort convert(String text) {
      return read(IssueQueries.Sort.class, "order", text);
    }
  }

  /** Of {@code --worker}. */
  static final class Worker implements ITypeConverter<WorkerId> {
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
  static final class WholeNumber implements ITypeConverter<Integer> {
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
  static final class IssueId implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      if (!text.matches("[1-9]\\d{0,17}")) {
        throw new TypeConversionException(
            "'%s' is no issue id; 'cape-worker list' shows them".formatted(text));
      }
      return Long.valueOf(text);
    }
  }
}
