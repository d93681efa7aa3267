package com.cape.worker.cli.console;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Rows under a heading. Where a line would be too long, its widest cells are cut. */
public final class Table {
  private static final String GAP = "  ";
  private static final int LEAST = 10;

  private final List<List<String>> rows = new ArrayList<>();

  public Table(String... heading) {
    rows.add(List.of(heading));
  }

  public void add(String... cells) {
    rows.add(List.of(cells));
  }

  /** Returns the lines, heading first; no cell is cut to less than ten columns. */
  public List<String> lines(int columns) {
    int last = rows.get(0).size() - 1;
    int[] widths = IntStream.range(0, last).map(this::widest).toArray();
    narrow(widths, columns - LEAST);
    int left = Math.max(LEAST, columns - taken(widths));
    List<String> lines = new ArrayList<>();
    for (List<String> row : rows) {
      var line = new StringBuilder();
      for (int i = 0; i < last; i++) {
        String cell = DisplayText.cut(row.get(i), widths[i]);
        line.append(DisplayText.padded(cell, widths[i])).append(GAP);
      }
      lines.add(line.append(DisplayText.cut(row.get(last), left)).toString().stripTrailing());
    }
    return lines;
  }

  /** Takes from the widest until they fit. */
  private static void narrow(int[] widths, int columns) {
    while (taken(widths) > columns) {
      int widest =
          IntStream.range(0, widths.length)
              .reduce((one, other) -> widths[other] > widths[one] ? other : one)
              .orElseThrow();
      if (widths[widest] <= LEAST) {
        return;
      }
      widths[widest]--;
    }
  }

  private static int taken(int[] widths) {
    return IntStream.of(widths).map(width -> width + GAP.length()).sum();
  }

  private int widest(int column) {
    return rows.stream().mapToInt(row -> DisplayText.width(row.get(column))).max().orElse(0);
  }
}
