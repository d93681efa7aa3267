package com.cape.worker.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The words of a command, with placeholders. It is split as a shell splits words. */
public final class CommandTemplate {
  private static final Set<String> PLACEHOLDERS =
      Set.of("id", "description", "description_file", "attempt", "worker_id");
  private static final Pattern PLACEHOLDER = Pattern.compile("\\{([a-z_]+)}");
  private static final int LONGEST_DESCRIPTION_BYTES = 100_000;

  // Linux takes 131,071 bytes an argument (MAX_ARG_STRLEN less the NUL).
  private static final int LONGEST_WORD_BYTES = 131_071;

  private final List<String> words;

  private CommandTemplate(List<String> words) {
    this.words = List.copyOf(words);
  }

  /** Throws IllegalArgumentException with a message for people. */
  public static CommandTemplate parse(String text) {
    List<String> words = split(text);
    if (words.isEmpty()) {
      throw new IllegalArgumentException("the command is empty");
    }
    for (String word : words) {
      Matcher matcher = PLACEHOLDER.matcher(word);
      while (matcher.find()) {
        if (!PLACEHOLDERS.contains(matcher.group(1))) {
          throw new IllegalArgumentException(
              "%s is no placeholder; there are {id} {description} {description_file} {attempt} {worker_id}"
                  .formatted(matcher.group()));
        }
      }
    }
    return new CommandTemplate(words);
  }

  public String program() {
    return words.get(0);
  }

  /**
   * @param program replaces the template's first word
   * @param values of all placeholders; a description too long for an argument becomes a reference
   *     to its file
   */
  public List<String> expand(String program, Map<String, String> values) {
    String description = values.get("description");
    boolean tooLong = description.getBytes(UTF_8).length > LONGEST_DESCRIPTION_BYTES;
    String shown = tooLong ? pointer(values) : description;
    List<String> expanded = new ArrayList<>(List.of(program));
    for (String word : words.subList(1, words.size())) {
      String full = fill(word, values, shown);
      boolean fits = full.getBytes(UTF_8).length <= LONGEST_WORD_BYTES;
      expanded.add(fits ? full : fill(word, values, pointer(values)));
    }
    if (endsInIdAndDescription() && expanded.get(expanded.size() - 1).startsWith("-")) {
      expanded.add(expanded.size() - 1, "--");
    }
    return expanded;
  }

  private static String pointer(Map<String, String> values) {
    return "The issue's description is too long for an argument (%d bytes). Read it from the file %s, which CAPE_ISSUE_FILE names."
        .formatted(
            values.get("description").getBytes(UTF_8).length, values.get("description_file"));
  }

  /** Whether a description that begins with a dash could be read as an option. */
  public boolean takesDescriptionForOption() {
    int at = words.indexOf("{description}");
    return at > 0 && !endsInIdAndDescription() && !words.subList(0, at).contains("--");
  }

  private boolean endsInIdAndDescription() {
    int size = words.size();
    return size > 2 && words.subList(size - 2, size).equals(List.of("{id}", "{description}"));
  }

  private static String fill(String word, Map<String, String> values, String description) {
    return PLACEHOLDER
        .matcher(word)
        .replaceAll(
            found ->
                Matcher.quoteReplacement(
                    found.group(1).equals("description")
                        ? description
                        : values.get(found.group(1))));
  }

  private static List<String> split(String text) {
    List<String> words = new ArrayList<>();
    StringBuilder word = new StringBuilder();
    boolean inWord = false;
    char quote = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\' && quote != '\'') {
        if (++i == text.length()) {
          throw new IllegalArgumentException("the command ends in a backslash");
        }
        if (quote == '"' && "\"\\$`".indexOf(text.charAt(i)) < 0) {
          word.append(c);
        }
        word.append(text.charAt(i));
        inWord = true;
      } else if (quote != 0) {
        if (c == quote) {
          quote = 0;
        } else {
          word.append(c);
        }
      } else if (c == '\'' || c == '"') {
        quote = c;
        inWord = true;
      } else if (!Character.isWhitespace(c)) {
        word.append(c);
        inWord = true;
      } else if (inWord) {
        words.add(word.toString());
        word.setLength(0);
        inWord = false;
      }
    }
    if (quote != 0) {
      throw new IllegalArgumentException(
          "the command has a %c that is never closed".formatted(quote));
    }
    if (inWord) {
      words.add(word.toString());
    }
    return words;
  }
}
