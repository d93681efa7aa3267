package com.cape.worker.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Reads what attempts print, piece by piece. */
@Timeout(20)
class OutputFileTest {
  private static final OptionalInt ALL = OptionalInt.empty();

  @TempDir private Path directory;
  private Path file;

  @BeforeEach
  void prepare() {
    file = directory.resolve("attempt-1-1.log");
  }

  private OutputFile.Piece read(String content, long from, boolean ended) throws IOException {
    Files.writeString(file, content);
    return read(from, ALL, ended);
  }

  private OutputFile.Piece read(long from, OptionalInt limit, boolean ended) throws IOException {
    try (FileChannel open = FileChannel.open(file)) {
      return OutputFile.read(open, from, limit, ended);
    }
  }

  @Test
  void growingFileIsReadUpToItsLastWord() throws Exception {
    OutputFile.Piece piece = read("one two\nthr", 0, false);
    assertEquals(new OutputFile.Piece(0, 8, 11, "one two\n"), piece);
    assertEquals("", read("one two\nthr", 8, false).text());
    assertEquals("three ", read("one two\nthree f", 8, false).text());
    assertEquals("three f", read("one two\nthree f", 8, true).text());
    assertEquals(new OutputFile.Piece(15, 15, 15, ""), read("one two\nthree f", 99, true));
  }

  @Test
  void pieceIsBoundedAndTheNextBeginsWhereItEnds() throws Exception {
    StringBuilder content = new StringBuilder();
    while (content.length() < 700_000) {
      content.append("żółw 🚀 ").append(content.length()).append('\n');
    }
    String whole = content.toString();
    Files.writeString(file, whole);
    var read = new StringBuilder();
    long to = 0;
    long size = Files.size(file);
    int pieces = 0;
    while (to < size) {
      OutputFile.Piece piece = read(to, ALL, true);
      assertEquals(to, piece.from());
      assertTrue(piece.to() - piece.from() <= OutputFile.MOST_BYTES);
      read.append(piece.text());
      to = piece.to();
      pieces++;
    }
    assertEquals(whole, read.toString());
    assertTrue(pieces >= 4, pieces + " pieces");
  }

  @Test
  void megabyteOnOneLineIsReadWithoutTearingACharacter() throws Exception {
    String line = "ż".repeat(500_000);
    Files.writeString(file, line);
    var read = new StringBuilder();
    for (long to = 0; to < 1_000_000; ) {
      OutputFile.Piece piece = read(to, ALL, true);
      read.append(piece.text());
      assertTrue(piece.to() > to);
      to = piece.to();
    }
    assertEquals(line, read.toString());
    OutputFile.Piece end = read(-1, ALL, true);
    assertEquals(end.text(), "ż".repeat(end.text().length()));
    assertTrue(end.text().getBytes(UTF_8).length <= OutputFile.FIRST_BYTES);
  }

  @Test
  void endOfALongFileBeginsAtAWord() throws Exception {
    String content = "0123456789 ".repeat(20_000);
    OutputFile.Piece piece = read(content, -1, true);
    assertTrue(piece.text().startsWith(" 0123456789 "), piece.text().substring(0, 20));
    assertEquals(220_000, piece.to());
    assertTrue(piece.to() - piece.from() <= OutputFile.FIRST_BYTES);
    var earlier = read(piece.from() - 1000, OptionalInt.of(1000), true);
    assertEquals(piece.from(), earlier.to());
    assertTrue(earlier.text().startsWith(" ") && earlier.text().endsWith("9"), earlier.text());
  }

  @Test
  void bytesThatAreNoTextAreReplaced() throws Exception {
    Files.write(file, new byte[] {'a', (byte) 0xFF, (byte) 0xED, (byte) 0xA0, (byte) 0x80, 0, 'b'});
    String text = read(0, ALL, true).text();
    assertTrue(text.startsWith("a\uFFFD") && text.endsWith("\0b"), text);
    assertFalse(text.chars().anyMatch(c -> Character.isSurrogate((char) c)));
  }

  @Test
  void passwordIsNeverTornApart() throws Exception {
    String url = "postgresql://user:s3cr3t-and-long@host/db";
    String content =
        "x".repeat(OutputFile.MOST_BYTES - 25 - 100) + " ".repeat(100) + url + " end\n";
    Files.writeString(file, content);
    OutputFile.Piece first = read(0, ALL, true);
    assertFalse(first.text().contains("s3cr3t"), "the whole of it comes next, where it is masked");
    assertTrue(read(first.to(), ALL, true).text().startsWith(url));
  }
}
