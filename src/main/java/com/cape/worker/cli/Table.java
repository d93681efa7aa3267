package com.cape.worker.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Rows under a heading. Only the last column gives way where a line would be too long. */
final class Table {
  private static final String GAP = "  ";
  private static final int LEAST = 10;

  private final List<List<String>> rows = new ArrayList<>();

  Table(String... heading) {
    rows.add(List.of(heading));
  }

  void add(String... cells) {
    rows.add(List.of(cells));
  }

  /**
   * The lines, heading first.
   *
   * @param columns that a line may take; the last cell gets ten at the least
   */
  List<String> lines(int columns) {
    int last = rows.get(0).size() - 1;
    int[] widths = IntStream.range(0, last).map(this::widest).toArray();
    int taken = IntStream.of(widths).map(width -> width + GAP.length()).sum();
    int left = Math.max(LEAST, columns - taken);
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      var line = new StringBuilder();
      for (int i = 0; i < last; i++) {
        line.append(DisplayText.padded(row.get(i), widths[i])).append(GAP);
      }
      lines.add(line.append(DisplayText.cut(row.get(last), left)).toString().stripTrailing());
    }
    return lines;
  }

  private int widest(int column) {
    return rows.stream().mapToInt(row -> DisplayText.width(row.get(column))).max().orElse(0);
  }
}
