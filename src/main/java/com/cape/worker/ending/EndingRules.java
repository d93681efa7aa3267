package com.cape.worker.ending;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Recognises from the end of a failed run's output that the failure is not the issue's own. Any
 * thread may use it.
 */
public final class EndingRules {
  private static final String SHIPPED = "ending-rules.conf";
  private static final long LARGEST_FILE_BYTES = 256 * 1024;

  private final List<Rule> rules;
  private final int ownCount;

  private EndingRules(List<Rule> own, List<Rule> shipped) {
    List<Rule> all = new ArrayList<>(jsonFirst(own));
    all.addAll(jsonFirst(shipped));
    this.rules = List.copyOf(all);
    this.ownCount = own.size();
  }

  private static List<Rule> jsonFirst(List<Rule> rules) {
    List<Rule> sorted = new ArrayList<>(rules.stream().filter(Rule::isJson).toList());
    sorted.addAll(rules.stream().filter(rule -> !rule.isJson()).toList());
    return sorted;
  }

  /** No rules: only exit codes count. */
  public static EndingRules none() {
    return new EndingRules(List.of(), List.of());
  }

  /** The rules that come with the worker. */
  public static EndingRules shipped() {
    return new EndingRules(List.of(), shippedRules());
  }

  /**
   * The rules of a user, and behind them the shipped ones.
   *
   * @param source the file's name, for messages
   */
  public static EndingRules of(String text, String source) throws EndingRulesException {
    return new EndingRules(new RuleParser(source).parse(text), shippedRules());
  }

  /** The same from a file, which must be a regular one. */
  public static EndingRules read(Path file) throws EndingRulesException {
    try {
      if (!Files.isRegularFile(file)) {
        throw unreadable(file, Files.exists(file) ? "is no regular file" : "does not exist");
      }
      if (Files.size(file) > LARGEST_FILE_BYTES) {
        throw unreadable(file, "is larger than %d KiB".formatted(LARGEST_FILE_BYTES / 1024));
      }
      return of(new String(Files.readAllBytes(file), UTF_8), file.toString());
    } catch (IOException e) {
      throw unreadable(file, "cannot be read: " + e);
    }
  }

  /** Returns what is wrong with a file of rules, a line for each mistake. */
  public static List<String> mistakes(Path file) {
    try {
      read(file);
      return List.of();
    } catch (EndingRulesException e) {
      return e.mistakes();
    }
  }

  private static EndingRulesException unreadable(Path file, String trouble) {
    return new EndingRulesException(
        List.of("%s %s; name a file of rules, or 'none'".formatted(file, trouble)));
  }

  private static List<Rule> shippedRules() {
    try {
      return new RuleParser(SHIPPED).parse(shippedText());
    } catch (EndingRulesException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The text of the shipped rules, for people to copy from. */
  public static String shippedText() {
    try (InputStream resource = EndingRules.class.getResourceAsStream(SHIPPED)) {
      return new String(resource.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** How many rules are the user's own. */
  public int ownCount() {
    return ownCount;
  }

  /** The names of all rules, in the order in which they are tried. */
  public List<String> names() {
    return rules.stream().map(Rule::name).toList();
  }

  /**
   * Judges how a run ended that the worker did not stop. Never throws, whatever the run printed.
   *
   * @param exit empty when a signal ended it
   * @param tail the last 64 KiB of its output; the first and the last line may be torn
   * @param now when it ended
   * @param zone of the run, for a clock time that names none
   */
  public Optional<Verdict> judge(OptionalInt exit, String tail, Instant now, ZoneId zone) {
    List<Rule> wanted = rules.stream().filter(rule -> rule.looksAt(exit)).toList();
    Output output = Output.of(tail);
    return wanted.stream().flatMap(rule -> rule.judge(output, now, zone).stream()).findFirst();
  }
}
