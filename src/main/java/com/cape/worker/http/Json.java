package com.cape.worker.http;

import com.cape.worker.config.Secrets;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * An object of JSON: strings, numbers, truths, lists and objects; an {@link Instant} becomes ISO
 * 8601 in UTC, a {@link Duration} seconds, an empty {@link Optional} null. What a terminal could
 * take for a code is escaped, and no password of a URL gets out.
 */
public final class Json {
  private final Map<String, Object> fields = new LinkedHashMap<>();

  /** Adds a field. */
  public Json with(String name, Object value) {
    fields.put(name, value);
    return this;
  }

  /** Adds all fields of another. */
  public Json withAll(Json other) {
    fields.putAll(other.fields);
    return this;
  }

  @Override
  public String toString() {
    return text(fields);
  }

  /** A value as JSON. */
  public static String text(Object value) {
    if (value instanceof Optional<?> optional) {
      return optional.map(Json::text).orElse("null");
    }
    if (value instanceof Map<?, ?> map) {
      return map.entrySet().stream()
          .map(field -> quoted(field.getKey().toString()) + ":" + text(field.getValue()))
          .collect(Collectors.joining(",", "{", "}"));
    }
    if (value instanceof List<?> list) {
      return list.stream().map(Json::text).collect(Collectors.joining(",", "[", "]"));
    }
    if (value instanceof Instant time) {
      return Times.forever(time) ? "null" : quoted(time.toString());
    }
    if (value instanceof Duration duration) {
      return Double.toString(duration.toMillis() / 1000.0);
    }
    if (value instanceof Number || value instanceof Boolean || value instanceof Json) {
      return value.toString();
    }
    return quoted(Secrets.mask(value.toString()));
  }

  private static String quoted(String text) {
    var quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"', '\\' -> quoted.append('\\').append(c);
        case '\n' -> quoted.append("\\n");
        case '\r' -> quoted.append("\\r");
        case '\t' -> quoted.append("\\t");
        default -> {
          if (isPlain(text, i)) {
            quoted.append(c);
          } else {
            quoted.append("\\u%04x".formatted((int) c));
          }
        }
      }
    }
    return quoted.append('"').toString();
  }

  private static boolean isPlain(String text, int at) {
    char c = text.charAt(at);
    if (Character.isHighSurrogate(c)) {
      return at + 1 < text.length() && Character.isLowSurrogate(text.charAt(at + 1));
    }
    if (Character.isLowSurrogate(c)) {
      return at > 0 && Character.isHighSurrogate(text.charAt(at - 1));
    }
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }
}
