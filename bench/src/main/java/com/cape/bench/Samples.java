package com.cape.bench;

import java.util.ArrayList;
import java.util.List;

/** Measured values of one kind. */
final class Samples {
  private final List<Double> values = new ArrayList<>();

  void clear() {
    values.clear();
  }

  void add(double value) {
    values.add(value);
  }

  /** The smallest value that so many percent of all do not exceed; NaN without any. */
  double percentile(double percent) {
    if (values.isEmpty()) {
      return Double.NaN;
    }
    List<Double> sorted = values.stream().sorted().toList();
    return sorted.get(Math.max(0, (int) Math.ceil(percent / 100 * sorted.size()) - 1));
  }

  double median() {
    return percentile(50);
  }

  double most() {
    return percentile(100);
  }

  /** The median with the least and the most in brackets; a dash without any. */
  String spread() {
    return values.isEmpty() ? "-" : "%.0f (%.0f-%.0f)".formatted(median(), percentile(0), most());
  }
}
