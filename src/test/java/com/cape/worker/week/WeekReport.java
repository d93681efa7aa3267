package com.cape.worker.week;

import com.cape.worker.week.Judge.Verdict;
import com.cape.worker.week.Judge.Waste;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** The figures of some weeks, for the console and for a page. */
final class WeekReport {
  record Row(String peer, String scaled, Verdict verdict) {}

  /** The weeks of one seed and one kind of wordings. */
  record Part(String seed, String wordings, Plan plan, List<Row> rows) {}

  private static final List<String> OPTIONS =
      List.of("--seed", "--issues", "--wordings", "--scale");

  private WeekReport() {}

  static String planText(Part part) {
    Plan plan = part.plan();
    return String.format(
            Locale.ROOT,
            "Seed %s, wordings %s: %d issues of %.0f simulated minutes in all, watched for %.0f"
                + " hours at most. Faults: ",
            part.seed(),
            part.wordings(),
            plan.issues().size(),
            plan.needed(),
            plan.horizon() / 60)
        + plan.faults().stream().map(WeekReport::faultText).collect(Collectors.joining("; "))
        + ".";
  }

  private static String faultText(Plan.Fault fault) {
    String what =
        switch (fault.kind()) {
          case LIMIT ->
              fault.resetKnown() ? "usage limit with a reset time" : "usage limit without one";
          case OVERLOAD -> "provider overloaded";
          case OUTAGE -> "provider down";
          case GIT -> "no git credentials on " + fault.host();
        };
    return String.format(
        Locale.ROOT, "%s, minutes %.0f to %.0f", what, fault.from(), fault.until());
  }

  static String line(Row row) {
    return "week: " + row.peer() + ": " + cells(row.verdict());
  }

  private static Map<String, String> cells(Verdict verdict) {
    Map<String, String> cells = new LinkedHashMap<>();
    for (Waste cause : Waste.values()) {
      cells.put(cause.text, percent(verdict.percent(cause)));
    }
    cells.put("thrown away beyond the first", percent(verdict.percentBeyondFaults()));
    cells.put("healthy issues given up", Integer.toString(verdict.givenUp()));
    cells.put("issues left stuck", Integer.toString(verdict.stuck()));
    cells.put("taken as done, but never done", Integer.toString(verdict.wronglyDone()));
    cells.put("second runs at the same time", Integer.toString(verdict.overlaps()));
    cells.put("runs", Integer.toString(verdict.runs()));
    cells.put(
        "hours until all was done",
        verdict.done().isPresent()
            ? String.format(Locale.ROOT, "%.1f", verdict.done().getAsDouble() / 60)
            : "never");
    return cells;
  }

  private static String percent(double value) {
    return String.format(Locale.ROOT, "%.1f %%", value);
  }

  /** A line for each figure, a column for each peer; Markdown that reads well as it is. */
  static String table(Part part) {
    List<List<String>> lines = new ArrayList<>();
    List<Map<String, String>> columns =
        part.rows().stream().map(row -> cells(row.verdict())).toList();
    List<String> head = new ArrayList<>(List.of(""));
    part.rows().forEach(row -> head.add(row.peer()));
    lines.add(head);
    if (!columns.isEmpty()) {
      for (String figure : columns.get(0).keySet()) {
        List<String> line = new ArrayList<>(List.of(figure));
        columns.forEach(column -> line.add(column.get(figure)));
        lines.add(line);
      }
    }
    int[] widths = new int[head.size()];
    lines.forEach(
        line -> {
          for (int i = 0; i < widths.length; i++) {
            widths[i] = Math.max(widths[i], line.get(i).length());
          }
        });
    List<String> text = new ArrayList<>();
    for (List<String> line : lines) {
      text.add(row(line, widths));
      if (text.size() == 1) {
        List<String> rule = Arrays.stream(widths).mapToObj("-"::repeat).toList();
        text.add(row(rule, widths));
      }
    }
    return String.join("\n", text);
  }

  private static String row(List<String> cells, int[] widths) {
    var row = new StringBuilder("|");
    for (int i = 0; i < widths.length; i++) {
      row.append(' ').append(cells.get(i)).append(" ".repeat(widths[i] - cells.get(i).length()));
      row.append(" |");
    }
    return row.toString();
  }

  static String markdown(Map<String, String> options, List<Part> parts) throws IOException {
    double scale = Double.parseDouble(options.get("--scale"));
    var page = new StringBuilder();
    page.append(
        """
        # A simulated week

        How much paid work each queue throws away while workers restart and crash, an account meets
        its usage limits, the provider is overloaded or down, and a host has lost its git
        credentials. Measured with `scripts/week.sh%s` on %s with %s.

        """
            .formatted(
                OPTIONS.stream()
                    .map(option -> " %s %s".formatted(option, options.get(option)))
                    .collect(Collectors.joining()),
                LocalDate.now(ZoneOffset.UTC),
                System.getProperty("week.version", "a JAR of an unknown commit")));
    for (Part part : parts) {
      page.append("## Seed %s, wordings %s\n\n".formatted(part.seed(), part.wordings()));
      page.append(planText(part)).append("\n\n").append(table(part)).append("\n\n");
    }
    page.append(method(scale));
    List<String> scaled = new ArrayList<>();
    parts.stream()
        .flatMap(part -> part.rows().stream())
        .map(row -> "- " + row.peer() + ": " + row.scaled() + ".")
        .distinct()
        .forEach(scaled::add);
    page.append(String.join("\n", scaled)).append("\n");
    return page.toString();
  }

  private static String method(double scale) throws IOException {
    try (InputStream text = WeekReport.class.getResourceAsStream("/week/method.md")) {
      return new String(text.readAllBytes(), StandardCharsets.UTF_8)
          .formatted(number("%.0f", scale), number("%.3f", 60 / scale));
    }
  }

  private static String number(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
