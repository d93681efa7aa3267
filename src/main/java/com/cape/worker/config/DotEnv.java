package com.cape.worker.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The lines of a {@code .env} file: {@code NAME=value}, {@code NAME='value'}, {@code NAME="value"}.
 * Double quotes may hold line breaks. A {@code #} at the beginning of a line, after a space or
 * after quotes begins a comment.
 *
 * @param file as the user named it
 * @param values by name; the last line of a name wins
 * @param lines where each name stands, counted from 1
 */
record DotEnv(Path file, Map<String, String> values, Map<String, Integer> lines) {
  private static final String QUOTED =
      "(?:\"(?<double>[^\"\\\\]*+(?:\\\\[\\s\\S][^\"\\\\]*+)*+)\"|'(?<single>.*?)')?[ \t]*(?:#.*)?";
  private static final String PLAIN = "(?<plain>[^\\s#\"'].*?)[ \t]*(?:(?<=[ \t])#.*)?";
  private static final Pattern LINE =
      Pattern.compile(
          "[ \t]*(?:#.*|(?<name>[\\w.-]+)[ \t]*=[ \t]*(?:%s|%s))?(?:\\R|\\z)"
              .formatted(QUOTED, PLAIN));
  private static final Pattern LINE_BREAK = Pattern.compile("\\R");

  static DotEnv absent(Path file) {
    return new DotEnv(file, Map.of(), Map.of());
  }

  /**
   * Reads the file.
   *
   * @throws ConfigException naming the line that cannot be read, never its content: that may be a
   *     password
   */
  static DotEnv read(Path file) throws ConfigException {
    String text = text(file);
    Map<String, String> values = new HashMap<>();
    Map<String, Integer> lines = new HashMap<>();
    Matcher line = LINE.matcher(text);
    int number = 1;
    for (int start = 0; start < text.length(); start = line.end()) {
      if (!line.region(start, text.length()).lookingAt()) {
        throw mistake(
            "%s line %d is not NAME=value (no 'export', no spaces in the name, quotes closed)",
            file, number);
      }
      Optional<String> name = Optional.ofNullable(line.group("name"));
      if (name.isPresent()) {
        values.put(name.get(), value(line));
        lines.put(name.get(), number);
      }
      number += Math.toIntExact(LINE_BREAK.matcher(line.group()).results().count());
    }
    return new DotEnv(file, Map.copyOf(values), Map.copyOf(lines));
  }

  private static String text(Path file) throws ConfigException {
    try {
      return Files.readString(file, UTF_8);
    } catch (NoSuchFileException e) {
      throw mistake("--env-file %s does not exist", file);
    } catch (CharacterCodingException e) {
      throw mistake("%s is not UTF-8 text", file);
    } catch (IOException e) {
      throw mistake("%s cannot be read: %s", file, e);
    }
  }

  private static String value(Matcher line) {
    return Optional.ofNullable(line.group("double"))
        .map(quoted -> quoted.replace("\\\"", "\""))
        .or(
            () ->
                Stream.of("single", "plain").map(line::group).filter(Objects::nonNull).findFirst())
        .orElse("");
  }

  private static ConfigException mistake(String format, Object... facts) {
    return new ConfigException(List.of(format.formatted(facts)));
  }
}
