package com.cape.worker.ending;

import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** What a field of a JSON line must hold: this very value, or one that the pattern matches. */
record Condition(String path, Optional<String> value, Optional<Pattern> pattern) {

  /** Returns what matched; empty when the field is missing or holds something else. */
  Optional<Found> find(Map<String, Object> object, BoundedMatch bounded) {
    return Fields.text(object, path).flatMap(text -> find(text, bounded));
  }

  private Optional<Found> find(String text, BoundedMatch bounded) {
    if (pattern.isPresent()) {
      return bounded.whole(pattern.get(), text.strip()).map(match -> new Found(match.reset()));
    }
    return value.filter(text::equals).map(same -> new Found(Optional.empty()));
  }

  boolean holds(Map<String, Object> object, BoundedMatch bounded) {
    return find(object, bounded).isPresent();
  }

  /**
   * A condition that holds.
   *
   * @param reset the time in the text, where the pattern has that group
   */
  record Found(Optional<String> reset) {}
}
