package com.cape.worker.ending;

import com.cape.worker.text.JsonText;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Finds the fields of an object that JSON lines hold. */
final class Fields {
  // A number of a few characters can stand for one of a billion digits.
  private static final int LARGEST_SCALE = 30;

  private Fields() {}

  /** The text, number or truth value at a path of names with dots; 0 is the first of a list. */
  static Optional<String> text(Map<String, Object> object, String path) {
    Object value = object;
    for (String name : path.split("\\.")) {
      Optional<Object> inner = inner(value, name);
      if (inner.isEmpty()) {
        return Optional.empty();
      }
      value = inner.get();
    }
    return word(value);
  }

  /** Whether the text at the path is this one. */
  static boolean is(Map<String, Object> object, String path, String text) {
    return text(object, path).filter(text::equals).isPresent();
  }

  private static Optional<Object> inner(Object value, String name) {
    if (value instanceof Map<?, ?> object) {
      return Optional.ofNullable(object.get(name));
    }
    if (value instanceof List<?> list && name.matches("\\d{1,4}")) {
      int index = Integer.parseInt(name);
      return index < list.size() ? Optional.of(list.get(index)) : Optional.empty();
    }
    return Optional.empty();
  }

  private static Optional<String> word(Object value) {
    if (value instanceof BigDecimal number) {
      return Optional.of(usual(number) ? number.toPlainString() : number.toString());
    }
    return value instanceof String || value instanceof Boolean || value == JsonText.NULL
        ? Optional.of(value.toString())
        : Optional.empty();
  }

  /** Whether a number is written with few digits. */
  static boolean usual(BigDecimal number) {
    return Math.abs((long) number.scale()) <= LARGEST_SCALE;
  }
}
