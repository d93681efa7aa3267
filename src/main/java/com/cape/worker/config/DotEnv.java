package com.cape.worker.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.cdimascio.dotenv.Dotenv;
import io.github.cdimascio.dotenv.DotenvException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The lines of a {@code .env} file: {@code NAME=value}, {@code NAME='value'}, {@code NAME="value"},
 * comments after {@code #}.
 *
 * @param file as the user named it
 * @param values by name; the last line of a name wins
 * @param lines where each name stands, counted from 1
 */
record DotEnv(Path file, Map<String, String> values, Map<String, Integer> lines) {
  private static final Pattern ASSIGNMENT = Pattern.compile("\\s*([\\w.-]+)\\s*=\\s*(.*)");
  private static final Pattern NOTHING = Pattern.compile("\\s*(#.*)?");

  static DotEnv absent(Path file) {
    return new DotEnv(file, Map.of(), Map.of());
  }

  /** A mistake names the line, never its content. */
  static DotEnv read(Path file) throws ConfigException {
    List<String> text = text(file);
    Map<String, Integer> lines = lines(file, text);
    Path absolute = file.toAbsolutePath();
    Map<String, String> values = new HashMap<>();
    try {
      Dotenv.configure()
          .directory(String.valueOf(absolute.getParent()))
          .filename(String.valueOf(absolute.getFileName()))
          .load()
          .entries(Dotenv.Filter.DECLARED_IN_ENV_FILE)
          .forEach(entry -> values.put(entry.getKey(), unquoted(entry.getValue())));
    } catch (DotenvException e) {
      // Its message holds the line, and that may be a password.
      throw mistake("%s cannot be read: a line is not NAME=value", file);
    }
    return new DotEnv(file, Map.copyOf(values), lines);
  }

  private static List<String> text(Path file) throws ConfigException {
    try {
      return Files.readAllLines(file, UTF_8);
    } catch (NoSuchFileException e) {
      throw mistake("--env-file %s does not exist", file);
    } catch (CharacterCodingException e) {
      throw mistake("%s is not UTF-8 text", file);
    } catch (IOException e) {
      throw mistake("%s cannot be read: %s", file, e);
    }
  }

  private static Map<String, Integer> lines(Path file, List<String> text) throws ConfigException {
    Map<String, Integer> lines = new HashMap<>();
    boolean inQuotes = false;
    for (int number = 1; number <= text.size(); number++) {
      String line = text.get(number - 1);
      if (inQuotes) {
        inQuotes = !line.stripTrailing().endsWith("\"");
        continue;
      }
      Matcher assignment = ASSIGNMENT.matcher(line);
      if (assignment.matches()) {
        lines.put(assignment.group(1), number);
        String value = assignment.group(2);
        inQuotes = value.startsWith("\"") && value.indexOf('"', 1) < 0;
      } else if (!NOTHING.matcher(line).matches()) {
        throw mistake(
            "%s line %d is not NAME=value (no 'export', no spaces in the name)", file, number);
      }
    }
    if (inQuotes) {
      throw mistake("%s has a \" that is never closed", file);
    }
    return lines;
  }

  private static ConfigException mistake(String format, Object... facts) {
    return new ConfigException(List.of(format.formatted(facts)));
  }

  // The library takes double quotes off, and leaves single ones.
  private static String unquoted(String value) {
    boolean quoted = value.length() >= 2 && value.startsWith("'") && value.endsWith("'");
    return quoted ? value.substring(1, value.length() - 1) : value;
  }
}
