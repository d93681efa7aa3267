package com.cape.worker.ending;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A rule while its lines are read. */
final class RuleDraft {
  final List<Condition> last = new ArrayList<>();
  final List<Condition> conditions = new ArrayList<>();
  final List<Condition> without = new ArrayList<>();
  final Set<Integer> exits = new TreeSet<>();
  Optional<String> name = Optional.empty();
  Optional<EndingClass> kind = Optional.empty();
  Optional<Pattern> match = Optional.empty();
  Optional<Rule.Reset> reset = Optional.empty();
  Optional<Duration> pause = Optional.empty();
  boolean anyExit;
  // What was given, if wrongly: its absence is no second mistake.
  boolean kindGiven;
  boolean text;
  boolean json;
  boolean lastGiven;
  int resetLine;
  private int firstLine;

  /** What is wrong with a line. */
  record Mistake(int line, String text) {}

  void begin(int line) {
    if (!begun()) {
      firstLine = line;
    }
  }

  boolean begun() {
    return firstLine > 0;
  }

  /** What is wrong with the rule as a whole, by line. */
  List<Mistake> mistakes() {
    List<Mistake> found = new ArrayList<>();
    mistake().ifPresent(what -> found.add(new Mistake(firstLine, what)));
    reset.flatMap(this::mistakeIn).ifPresent(what -> found.add(new Mistake(resetLine, what)));
    return found;
  }

  private Optional<String> mistake() {
    if (name.isEmpty()) {
      return Optional.of("a rule without a name; add a line 'name ...'");
    }
    if (!kindGiven) {
      return Optional.of("the rule '%s' has no class; add a line 'class ...'".formatted(name()));
    }
    if (text && json) {
      return Optional.of(
          "the rule '%s' has 'match' and JSON conditions; make two rules of it".formatted(name()));
    }
    if (!text && !json) {
      return Optional.of(
          "the rule '%s' looks for nothing; add 'match' or 'last'".formatted(name()));
    }
    return json && !lastGiven
        ? Optional.of("the rule '%s' needs 'last', to say which line".formatted(name()))
        : Optional.empty();
  }

  private String name() {
    return name.orElse("");
  }

  private Optional<String> mistakeIn(Rule.Reset time) {
    if (time.field().isPresent()) {
      return text
          ? Optional.of("a field for 'reset' needs JSON conditions; use the group (?<reset>...)")
          : Optional.empty();
    }
    boolean grouped =
        Stream.concat(match.stream(), conditions.stream().flatMap(each -> each.pattern().stream()))
            .anyMatch(BoundedMatch::hasReset);
    return grouped
        ? Optional.empty()
        : Optional.of("no pattern has the group (?<reset>...); put it around the time");
  }

  /** Empty when a part was given wrongly. */
  Optional<Rule> build() {
    Optional<Rule.Evidence> evidence =
        text
            ? match.map(Rule.TextEvidence::new)
            : Optional.of(
                new Rule.JsonEvidence(
                    List.copyOf(last), List.copyOf(conditions), List.copyOf(without)));
    return name.flatMap(
        called ->
            kind.flatMap(
                meaning ->
                    evidence.map(
                        found ->
                            new Rule(
                                called,
                                meaning,
                                Set.copyOf(exits),
                                anyExit,
                                found,
                                reset,
                                pause))));
  }
}
