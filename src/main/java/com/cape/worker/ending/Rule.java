package com.cape.worker.ending;

import com.cape.worker.text.PlainText;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * One rule: which ending it looks at, what must be there, and what that means.
 *
 * @param exits the exit codes it looks at; empty for all but 0
 * @param anyExit whether it looks at every ending
 */
record Rule(
    String name,
    EndingClass kind,
    Set<Integer> exits,
    boolean anyExit,
    Evidence evidence,
    Optional<Reset> reset,
    Optional<Duration> pause) {

  /** What a rule looks for. */
  sealed interface Evidence permits JsonEvidence, TextEvidence {}

  /**
   * The last object with all of {@code last}, which may be none, must meet all of {@code
   * conditions}, and no object may meet one of {@code without}.
   */
  record JsonEvidence(List<Condition> last, List<Condition> conditions, List<Condition> without)
      implements Evidence {}

  /** One of the last lines. */
  record TextEvidence(Pattern pattern) implements Evidence {}

  /** Where the time stands: in a field, else in the group {@code reset} of a pattern. */
  record Reset(ResetTime.Kind kind, Optional<String> field) {}

  private record Time(String text, ResetTime.Source source) {}

  boolean isJson() {
    return evidence instanceof JsonEvidence;
  }

  boolean looksAt(OptionalInt exit) {
    if (anyExit) {
      return true;
    }
    return exits.isEmpty()
        ? exit.isEmpty() || exit.getAsInt() != 0
        : exit.isPresent() && exits.contains(exit.getAsInt());
  }

  Optional<Verdict> judge(Output output, Instant now, ZoneId zone) {
    var bounded = new BoundedMatch();
    if (evidence instanceof JsonEvidence json) {
      return judge(json, output, bounded, now, zone);
    }
    return judge((TextEvidence) evidence, output, bounded, now, zone);
  }

  private Optional<Verdict> judge(
      TextEvidence text, Output output, BoundedMatch bounded, Instant now, ZoneId zone) {
    for (String line : output.text()) {
      Optional<BoundedMatch.Match> match = bounded.whole(text.pattern(), line);
      if (match.isPresent()) {
        Optional<Time> time =
            match.get().reset().map(found -> new Time(found, ResetTime.Source.TEXT));
        return Optional.of(verdict(time, line, now, zone));
      }
    }
    return Optional.empty();
  }

  private Optional<Verdict> judge(
      JsonEvidence json, Output output, BoundedMatch bounded, Instant now, ZoneId zone) {
    List<Map<String, Object>> objects = output.json();
    for (int i = objects.size() - 1; i >= 0; i--) {
      Map<String, Object> object = objects.get(i);
      if (json.last().stream().allMatch(condition -> condition.holds(object, bounded))) {
        return judge(json, object, output, bounded)
            .map(time -> verdict(time.time(), readable(object, output), now, zone));
      }
    }
    return Optional.empty();
  }

  /** A line that meets the rule, and the time that was found in it. */
  private record Met(Optional<Time> time) {}

  private Optional<Met> judge(
      JsonEvidence json, Map<String, Object> object, Output output, BoundedMatch bounded) {
    Optional<Time> time =
        reset
            .flatMap(Reset::field)
            .flatMap(field -> Fields.text(object, field))
            .map(text -> new Time(text, ResetTime.Source.FIELD));
    for (Condition condition : json.conditions()) {
      Optional<Condition.Found> found = condition.find(object, bounded);
      if (found.isEmpty()) {
        return Optional.empty();
      }
      Optional<Time> inText =
          found.get().reset().map(text -> new Time(text, ResetTime.Source.TEXT));
      time = time.or(() -> inText);
    }
    boolean ruledOut =
        json.without().stream()
            .anyMatch(
                condition ->
                    output.json().stream().anyMatch(other -> condition.holds(other, bounded)));
    return ruledOut ? Optional.empty() : Optional.of(new Met(time));
  }

  private Verdict verdict(Optional<Time> time, String line, Instant now, ZoneId zone) {
    Optional<Instant> until =
        reset
            .flatMap(
                found ->
                    time.flatMap(
                        at -> ResetTime.read(found.kind(), at.text(), at.source(), now, zone)))
            .or(() -> pause.flatMap(length -> ResetTime.after(length, now)));
    return new Verdict(kind, until, name, BoundedMatch.beginning(PlainText.line(line)));
  }

  /** What to show of a JSON line: its error, else the output's, else what kind of line it is. */
  private static String readable(Map<String, Object> object, Output output) {
    return OutputCause.error(object)
        .or(() -> OutputCause.of(output))
        .or(() -> Fields.text(object, "type").map(type -> "a JSON line of type " + type))
        .orElseGet(() -> "a JSON line with " + String.join(", ", object.keySet()));
  }
}
