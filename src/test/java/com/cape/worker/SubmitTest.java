package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Tag("database")
@Timeout(60)
class SubmitTest {
  private final OperatorFixture fixture = new OperatorFixture();
  @TempDir private Path directory;

  @Test
  void textIsSubmittedAndItsIdPrinted() {
    var ran =
        fixture.run(
            "submit", "Añadir 🚀 'quoted'\nsecond line", "--priority", "5", "--after", "2h");
    assertEquals(0, ran.exitCode(), ran.err());
    assertEquals("1\n", ran.out());
    assertEquals(
        "Añadir 🚀 'quoted'\nsecond line|5|pending|t",
        fixture.value(
            "SELECT concat_ws('|', description, priority, status,"
                + " run_after BETWEEN now() + interval '119 min' AND now() + interval '2 h') FROM cape_issues"));
    assertEquals("{\"ids\":[2]}\n", fixture.run("submit", "x", "--json").out());
    assertEquals(
        "t",
        fixture.value("SELECT run_after <= now() AND priority = 0 FROM cape_issues WHERE id = 2"));
  }

  @Test
  void fileAndStandardInputAreRead() throws IOException {
    Path file = Files.writeString(directory.resolve("issue.md"), "# Title\n\nText\n\n");
    assertEquals("1\n", fixture.run("submit", "--file", file.toString()).out());
    assertEquals("# Title\n\nText", fixture.value("SELECT description FROM cape_issues"));
    InputStream before = System.in;
    try {
      System.setIn(new ByteArrayInputStream("from a pipe\n".getBytes(StandardCharsets.UTF_8)));
      assertEquals("2\n", fixture.run("submit", "-").out());
    } finally {
      System.setIn(before);
    }
    assertEquals("from a pipe", fixture.value("SELECT description FROM cape_issues WHERE id = 2"));
  }

  @Test
  void linesAreAnIssueEachInTheirOrder() throws IOException {
    Path file = Files.writeString(directory.resolve("issues"), "one\r\n\n  \ntwo\nthree");
    var refused = fixture.run("submit", "--file", file.toString(), "--lines");
    assertEquals(2, refused.exitCode());
    assertTrue(
        refused
            .err()
            .startsWith(
                "cape-worker: submit 3 issues? Nobody can be asked without a terminal; give --yes"),
        refused.err());
    assertEquals("0", fixture.value("SELECT count(*) FROM cape_issues"));
    assertEquals(
        "1\n2\n3\n", fixture.run("submit", "--file", file.toString(), "--lines", "--yes").out());
    assertEquals(
        "one,two,three",
        fixture.value("SELECT string_agg(description, ',' ORDER BY id) FROM cape_issues"));
  }

  @Test
  void descriptionThatBeginsWithADashIsTakenAfterTwo() {
    assertEquals("1\n", fixture.run("submit", "--", "--force is missing").out());
    assertEquals("--force is missing", fixture.value("SELECT description FROM cape_issues"));
  }

  @Test
  void whatIsNoTextIsRefused() throws IOException {
    Path binary = Files.write(directory.resolve("binary"), new byte[] {'a', (byte) 0xff, 'b'});
    Path nul = Files.write(directory.resolve("nul"), new byte[] {'a', 0, 'b'});
    assertRefused("is not UTF-8 text", "--file", binary.toString());
    assertRefused("holds a NUL", "--file", nul.toString());
    assertRefused("does not exist", "--file", directory.resolve("none").toString());
    assertRefused("cannot be read", "--file", directory.toString());
    assertRefused("is blank", " \n ");
    assertRefused("characters that this locale cannot pass", "caf\uFFFD");
  }

  private void assertRefused(String expected, String... arguments) {
    var ran = fixture.run("submit", arguments);
    assertEquals(2, ran.exitCode(), ran.err());
    assertEquals(1, ran.err().lines().count(), ran.err());
    assertTrue(ran.err().contains(expected), ran.err());
    assertEquals("0", fixture.value("SELECT count(*) FROM cape_issues"));
  }
}
