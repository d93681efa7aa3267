package com.cape.worker.cli.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DisplayTextTest {
  @ParameterizedTest
  @CsvSource({
    "abc,3",
    "'',0",
    "日本語,6",
    "한글,4",
    "é,1",
    "e\u0301,1",
    "🚀,2",
    "❤️,2",
    "a🚀b,4",
    "Ａ,2"
  })
  void emojiAndCjkCountDouble(String text, int width) {
    assertEquals(width, DisplayText.width(text));
  }

  @ParameterizedTest
  @CsvSource({
    "abcdef,6,abcdef",
    "abcdef,5,abcd…",
    "日本語日本,10,日本語日本",
    "日本語日本,9,日本語日…",
    "日本語日本,8,日本語…",
    "🚀🚀🚀,4,🚀…",
    "ab cdef,4,ab…"
  })
  void cutTextFitsWithItsEllipsis(String text, int columns, String expected) {
    assertEquals(expected, DisplayText.cut(text, columns));
    assertTrue(DisplayText.width(expected) <= columns);
  }

  @Test
  void columnsOfATableStandUnderEachOtherAndTheLastGivesWay() {
    var table = new Table("ID", "WHO", "TEXT");
    table.add("1", "日本", "a long text that does not fit");
    table.add("22", "x", "short");
    List<String> lines = table.lines(24);
    assertEquals(List.of("ID  WHO   TEXT", "1   日本  a long text t…", "22  x     short"), lines);
    assertTrue(lines.stream().allMatch(line -> DisplayText.width(line) <= 24));
  }
}
