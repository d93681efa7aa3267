package com.cape.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Markdown, shown as it grows. */
final class Report {
  private final StringBuilder text = new StringBuilder();

  void line(String line) {
    System.out.println(line);
    text.append(line).append('\n');
  }

  void title(String title) {
    line("");
    line("## " + title);
    line("");
  }

  void head(String... columns) {
    line("");
    row((Object[]) columns);
    line("| --- ".repeat(columns.length) + "|");
  }

  /** Decimals show three digits that count. */
  void row(Object... cells) {
    var row = new StringBuilder("|");
    for (Object cell : cells) {
      row.append(' ').append(cell instanceof Double number ? shown(number) : cell).append(" |");
    }
    line(row.toString());
  }

  private static String shown(double number) {
    if (Double.isNaN(number)) {
      return "-";
    }
    return (number >= 100 ? "%.0f" : number >= 10 ? "%.1f" : "%.2f").formatted(number);
  }

  void writeTo(Path file) throws IOException {
    Files.createDirectories(file.getParent());
    Files.writeString(file, text.toString());
  }
}
