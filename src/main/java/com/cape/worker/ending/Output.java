package com.cape.worker.ending;

import com.cape.worker.text.JsonText;
import com.cape.worker.text.PlainText;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The end of a run's output as rules look at it. An object that is printed over several lines, from
 * a line with its first brace to a line with its last one, counts as one line.
 *
 * @param json the objects, in their order
 * @param text the last lines that are no objects, the last one first
 * @param endsWithJson whether nothing but a torn line follows the last object
 */
record Output(List<Map<String, Object>> json, List<String> text, boolean endsWithJson) {
  private static final int LONGEST_TAIL = 64 * 1024;
  private static final int MOST_LINES = 20;
  private static final int MOST_CHARACTERS = 8 * 1024;

  static Output of(String tail) {
    String end = tail.substring(Math.max(0, tail.length() - LONGEST_TAIL));
    List<Line> lines = lines(PlainText.unmaskedLines(end));
    List<Map<String, Object>> json =
        lines.stream().flatMap(line -> line.object().stream()).toList();
    boolean endsWithJson =
        !lines.isEmpty()
            && !json.isEmpty()
            && (last(lines).object().isPresent() || last(lines).text().startsWith("{"));
    return new Output(json, lastTexts(lines), endsWithJson);
  }

  /** A line that is not empty; the text of an object over several lines is its first line. */
  private record Line(String text, Optional<Map<String, Object>> object) {}

  private static Line last(List<Line> lines) {
    return lines.get(lines.size() - 1);
  }

  private static List<Line> lines(String text) {
    List<Line> lines = new ArrayList<>();
    int opened = -1;
    int position = 0;
    for (String line : text.split("\n", -1)) {
      String stripped = line.strip();
      if (line.equals("{")) {
        if (opened >= 0) {
          withLinesFrom(lines, text.substring(opened, position));
        }
        opened = position;
      } else if (line.equals("}") && opened >= 0) {
        addObject(lines, text.substring(opened, position + 1));
        opened = -1;
      } else if (opened < 0 && !stripped.isEmpty()) {
        lines.add(new Line(stripped, object(stripped)));
      }
      position += line.length() + 1;
    }
    return opened < 0 ? lines : withLinesFrom(lines, text.substring(opened));
  }

  private static void addObject(List<Line> lines, String text) {
    Optional<Map<String, Object>> object = JsonText.object(text);
    if (object.isPresent()) {
      lines.add(new Line("{", object));
      return;
    }
    withLinesFrom(lines, text);
  }

  private static List<Line> withLinesFrom(List<Line> lines, String text) {
    text.lines()
        .map(String::strip)
        .filter(line -> !line.isEmpty())
        .forEach(line -> lines.add(new Line(line, object(line))));
    return lines;
  }

  private static Optional<Map<String, Object>> object(String line) {
    return line.startsWith("{") ? JsonText.object(line) : Optional.empty();
  }

  private static List<String> lastTexts(List<Line> lines) {
    List<Line> backwards = new ArrayList<>(lines);
    Collections.reverse(backwards);
    List<String> texts = new ArrayList<>();
    int characters = 0;
    for (Line line : backwards.subList(0, Math.min(MOST_LINES, backwards.size()))) {
      if (line.object().isPresent()) {
        continue;
      }
      characters += line.text().length();
      if (characters > MOST_CHARACTERS && !texts.isEmpty()) {
        break;
      }
      texts.add(line.text());
    }
    return texts;
  }
}
