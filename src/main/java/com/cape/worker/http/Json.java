package com.cape.worker.http;

import com.cape.worker.config.Secrets;
import java.lang.reflect.RecordComponent;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A JSON object. An {@link Instant} becomes ISO 8601 in UTC, a {@link Duration} seconds, an enum's
 * constant a word in lower case, an empty {@link Optional} null. Terminal codes are escaped, and
 * passwords in URLs masked.
 */
public final class Json {
  // Controls, invisible characters, line separators and surrogates without their other half.
  private static final Pattern ESCAPED =
      Pattern.compile("[\"\\\\\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}&&[\\x00-\\uffff]]");

  private final Map<String, Object> fields = new LinkedHashMap<>();

  /**
   * The components of a record in snake case, which scripts read.
   *
   * @param without the components that are left out
   */
  public static Json of(Record values, String... without) {
    var json = new Json();
    for (RecordComponent component : values.getClass().getRecordComponents()) {
      String name = component.getName();
      if (!List.of(without).contains(name)) {
        String snakeCase = name.replaceAll("[A-Z]", "_$0").toLowerCase(Locale.ROOT);
        json.with(snakeCase, value(component, values));
      }
    }
    return json;
  }

  private static Object value(RecordComponent component, Record values) {
    try {
      return component.getAccessor().invoke(values);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("a component of a public record can be read", e);
    }
  }

  public Json with(String name, Object value) {
    fields.put(name, value);
    return this;
  }

  public Json withAll(Json other) {
    fields.putAll(other.fields);
    return this;
  }

  @Override
  public String toString() {
    return text(fields);
  }

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
    if (value instanceof Enum<?> constant) {
      return quoted(constant.name().toLowerCase(Locale.ROOT));
    }
    return quoted(Secrets.mask(value.toString()));
  }

  private static String quoted(String text) {
    Matcher special = ESCAPED.matcher(text);
    return '"'
        + special.replaceAll(found -> Matcher.quoteReplacement(escape(found.group().charAt(0))))
        + '"';
  }

  private static String escape(char c) {
    return switch (c) {
      case '"', '\\' -> "\\" + c;
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      default -> "\\u%04x".formatted((int) c);
    };
  }
}
