package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OutputTailTest {
  @TempDir private Path directory;

  @Test
  void terminalCodesAndControlsAreTakenOut() throws IOException {
    assertEquals(
        "red\ntitle|1\n2\ttab\n",
        tail("\u001b[1;31mred\u001b[0m\r\n\u001b]0;x\u0007title|\u0000\u00071\r2\ttab\n"));
  }

  @Test
  void invalidBytesAreReplaced() throws IOException {
    Path file = directory.resolve("raw");
    Files.write(file, new byte[] {'a', (byte) 0xff, 'b'});
    assertEquals("a\ufffdb", OutputTail.of(file));
  }

  @Test
  void longTailEndsWithTheOutputsEndAndCutsNoCharacter() throws IOException {
    String tail = tail("😀".repeat(20_000) + "end");
    assertTrue(tail.getBytes(UTF_8).length <= OutputTail.LIMIT_BYTES);
    assertTrue(tail.endsWith("😀end"));
    assertTrue(tail.startsWith("😀"));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 5, 12, 25})
  void secretAtTheCutDoesNotSurviveHalf(int kept) throws IOException {
    String url = "postgresql://cape:s3cr3t-pass@db/x";
    String rest = "y".repeat(OutputTail.LIMIT_BYTES - kept - 1);
    String tail = tail("before\n" + url + "\n" + rest);
    assertFalse(tail.matches("(?s).*(pass|s3cr3t).*"), tail.substring(0, 40));
    assertTrue(tail.endsWith(rest));
  }

  @Test
  void secretWhereReadingBeginsDoesNotSurviveHalf() throws IOException {
    // Codes that are taken out leave so little that the cut is where reading began.
    String codes = "\u001b[0m".repeat(8 * 1024 - 3);
    String tail = tail("x".repeat(99) + " postgresql://cape:s3cr3t-pass@db/x\n" + codes);
    assertEquals("\n", tail);
  }

  @Test
  void nothingPrintedIsAnEmptyTail() throws IOException {
    assertEquals("", tail(""));
  }

  private String tail(String text) throws IOException {
    return OutputTail.of(Files.writeString(directory.resolve("output"), text));
  }
}
