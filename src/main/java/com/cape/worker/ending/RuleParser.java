package com.cape.worker.ending;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Reads a file of rules and collects every mistake in it. Used once. */
final class RuleParser {
  private static final int MOST_RULES = 200;
  private static final int LONGEST_PATTERN = 2000;
  private static final Pattern KEY_AND_VALUE = Pattern.compile("(\\S+)(?:\\s+(.*))?");
  private static final Pattern CONDITION = Pattern.compile("([\\w.-]+)\\s*([=~])\\s*(.+)");
  private static final Pattern NAME = Pattern.compile("[a-z0-9][a-z0-9._-]{0,59}");
  private static final Pattern WAIT = Pattern.compile("(\\d{1,6})([smhd])");
  private static final int PATTERN_FLAGS =
      Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE | Pattern.DOTALL;
  private static final String CLASSES =
      Arrays.stream(EndingClass.values()).map(EndingClass::word).collect(Collectors.joining(", "));
  // A pattern that matches this one matches whatever a run prints.
  private static final String ANY_LINE = "zq 7";

  private final String source;
  private final List<RuleDraft.Mistake> mistakes = new ArrayList<>();
  private final List<Rule> rules = new ArrayList<>();
  private final Set<String> names = new HashSet<>();
  private RuleDraft draft = new RuleDraft();
  private int line;

  RuleParser(String source) {
    this.source = source;
  }

  List<Rule> parse(String text) throws EndingRulesException {
    String whole = text.startsWith("\uFEFF") ? text.substring(1) : text;
    for (String each : whole.split("\r\n|[\r\n]", -1)) {
      line++;
      String stripped = each.strip();
      if (stripped.isEmpty()) {
        endBlock();
      } else if (!stripped.startsWith("#")) {
        key(stripped);
      }
    }
    endBlock();
    if (rules.size() > MOST_RULES) {
      mistake("more than %d rules; leave some out".formatted(MOST_RULES));
    }
    if (!mistakes.isEmpty()) {
      throw new EndingRulesException(
          mistakes.stream()
              .sorted(Comparator.comparingInt(RuleDraft.Mistake::line))
              .map(found -> "%s line %d: %s".formatted(source, found.line(), found.text()))
              .toList());
    }
    return List.copyOf(rules);
  }

  private void mistake(String what) {
    mistakes.add(new RuleDraft.Mistake(line, what));
  }

  private void key(String text) {
    Matcher parts = KEY_AND_VALUE.matcher(text);
    if (!parts.matches()) {
      throw new IllegalStateException(text);
    }
    String key = parts.group(1);
    String value = Optional.ofNullable(parts.group(2)).orElse("");
    draft.begin(line);
    if (value.isEmpty()) {
      mistake("'%s' has no value; write it behind the key".formatted(key));
      return;
    }
    switch (key) {
      case "name" -> name(value);
      case "class" -> kind(value);
      case "exit" -> exit(value);
      case "last" -> last(value);
      case "json" -> condition(value).ifPresent(draft.conditions::add);
      case "without" -> condition(value).ifPresent(draft.without::add);
      case "match" -> match(value);
      case "reset" -> reset(value);
      case "wait" -> pause(value);
      default ->
          mistake(
              "'%s' is no key; there are name, class, exit, last, json, without, match, reset, wait"
                  .formatted(key));
    }
  }

  private void name(String value) {
    if (!NAME.matcher(value).matches()) {
      mistake("the name '%s' must be 1-60 of a-z 0-9 . _ -".formatted(value));
    } else if (!names.add(value)) {
      mistake("there is a rule '%s' already; choose another name".formatted(value));
    }
    once("name", draft.name);
    draft.name = Optional.of(value);
  }

  private void kind(String value) {
    once("class", draft.kind);
    draft.kindGiven = true;
    draft.kind =
        Arrays.stream(EndingClass.values()).filter(kind -> kind.word().equals(value)).findFirst();
    if (draft.kind.isEmpty()) {
      mistake("'%s' is no class; there are %s".formatted(value, CLASSES));
    }
  }

  private void exit(String value) {
    if (draft.anyExit || !draft.exits.isEmpty()) {
      mistake("a second 'exit'; write all codes behind the first");
    }
    if (value.equals("any")) {
      draft.anyExit = true;
      return;
    }
    for (String code : value.split("\\s+")) {
      if (code.matches("\\d{1,3}") && Integer.parseInt(code) <= 255) {
        draft.exits.add(Integer.parseInt(code));
      } else {
        mistake("'%s' is no exit code; write 'any' or numbers from 0 to 255".formatted(code));
      }
    }
  }

  private Optional<Condition> condition(String value) {
    draft.json = true;
    Matcher parts = CONDITION.matcher(value);
    if (!parts.matches()) {
      mistake(
          "'%s' is no condition; write 'field.of.field = value' or 'field ~ pattern'"
              .formatted(value));
      return Optional.empty();
    }
    String path = parts.group(1);
    if (parts.group(2).equals("=")) {
      return Optional.of(new Condition(path, Optional.of(parts.group(3)), Optional.empty()));
    }
    return pattern(parts.group(3))
        .map(pattern -> new Condition(path, Optional.empty(), Optional.of(pattern)));
  }

  private void last(String value) {
    draft.lastGiven = true;
    draft.json = true;
    if (!value.equals("any")) {
      condition(value).ifPresent(draft.last::add);
    }
  }

  private void match(String value) {
    once("match", draft.match);
    draft.text = true;
    draft.match = pattern(value);
    if (draft.match.filter(RuleParser::matchesAnything).isPresent()) {
      mistake("the pattern matches any line; name the words that it is about");
    }
  }

  private static boolean matchesAnything(Pattern pattern) {
    return new BoundedMatch().whole(pattern, ANY_LINE).isPresent();
  }

  private Optional<Pattern> pattern(String value) {
    if (value.length() > LONGEST_PATTERN) {
      mistake("the pattern is longer than %d characters".formatted(LONGEST_PATTERN));
      return Optional.empty();
    }
    try {
      return Optional.of(Pattern.compile(value, PATTERN_FLAGS));
    } catch (PatternSyntaxException e) {
      mistake(
          "the pattern is wrong at character %d: %s; see java.util.regex.Pattern"
              .formatted(e.getIndex() + 1, e.getDescription()));
      return Optional.empty();
    } catch (StackOverflowError e) {
      mistake("the pattern is nested too deeply");
      return Optional.empty();
    }
  }

  private void reset(String value) {
    once("reset", draft.reset);
    String[] words = value.split("\\s+");
    Optional<ResetTime.Kind> kind =
        Stream.of(ResetTime.Kind.values())
            .filter(each -> each.name().toLowerCase(Locale.ROOT).equals(words[0]))
            .findFirst();
    if (kind.isEmpty() || words.length > 2) {
      mistake(
          "'%s' is no reset; write epoch, duration or clock, and a field if it stands in one"
              .formatted(value));
      return;
    }
    draft.resetLine = line;
    draft.reset =
        Optional.of(
            new Rule.Reset(
                kind.get(), words.length == 2 ? Optional.of(words[1]) : Optional.empty()));
  }

  private void pause(String value) {
    once("wait", draft.pause);
    Matcher parts = WAIT.matcher(value);
    if (!parts.matches()) {
      mistake("'%s' is no wait; write 90s, 15m, 2h or 1d".formatted(value));
      return;
    }
    long number = Long.parseLong(parts.group(1));
    draft.pause =
        Optional.of(
            switch (parts.group(2)) {
              case "s" -> Duration.ofSeconds(number);
              case "m" -> Duration.ofMinutes(number);
              case "h" -> Duration.ofHours(number);
              default -> Duration.ofDays(number);
            });
  }

  private void once(String key, Optional<?> before) {
    if (before.isPresent()) {
      mistake("a second '%s' in one rule; an empty line ends a rule".formatted(key));
    }
  }

  private void endBlock() {
    if (!draft.begun()) {
      return;
    }
    int before = mistakes.size();
    mistakes.addAll(draft.mistakes());
    if (mistakes.size() == before) {
      draft.build().ifPresent(rules::add);
    }
    draft = new RuleDraft();
  }
}
