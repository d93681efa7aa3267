package com.cape.worker.ending;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Tries patterns on texts within one number of steps. A pattern that would go back and forth for
 * ever matches nothing once the steps are used up.
 */
final class BoundedMatch {
  /** What of a text is looked at, in characters. */
  static final int LONGEST = 500;

  static final String RESET_GROUP = "reset";

  // A line of 500 characters takes a well-behaved pattern a few thousand.
  private static final int STEPS = 200_000;

  private int left = STEPS;

  /** Returns what the group {@code reset} found, or nothing where there is no such group. */
  record Match(Optional<String> reset) {}

  /** Returns a match of the pattern with the whole of the text. */
  Optional<Match> whole(Pattern pattern, String text) {
    String beginning = beginning(text);
    Matcher matcher = pattern.matcher(new Counted(beginning, 0, beginning.length()));
    try {
      if (!matcher.matches()) {
        return Optional.empty();
      }
      return Optional.of(
          new Match(
              hasReset(pattern)
                  ? Optional.ofNullable(matcher.group(RESET_GROUP))
                  : Optional.empty()));
    } catch (TooManySteps | StackOverflowError e) {
      left = 0;
      return Optional.empty();
    }
  }

  static boolean hasReset(Pattern pattern) {
    return pattern.pattern().contains("(?<" + RESET_GROUP + ">");
  }

  /** The beginning of a text, no half of a character at its end. */
  static String beginning(String text) {
    if (text.length() <= LONGEST) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(LONGEST - 1)) ? LONGEST - 1 : LONGEST;
    return text.substring(0, end);
  }

  /** A text that counts how often it is looked at. */
  private final class Counted implements CharSequence {
    private final String text;
    private final int start;
    private final int end;

    private Counted(String text, int start, int end) {
      this.text = text;
      this.start = start;
      this.end = end;
    }

    @Override
    public int length() {
      return end - start;
    }

    @Override
    public char charAt(int index) {
      if (left <= 0) {
        throw new TooManySteps();
      }
      left--;
      return text.charAt(start + index);
    }

    @Override
    public CharSequence subSequence(int from, int to) {
      return new Counted(text, start + from, start + to);
    }

    @Override
    public String toString() {
      return text.substring(start, end);
    }
  }

  private static final class TooManySteps extends RuntimeException {
    private TooManySteps() {
      super("too many steps", null, false, false);
    }
  }
}
