package com.cape.worker.process;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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

  @Test
  void nothingPrintedIsAnEmptyTail() throws IOException {
    assertEquals("", tail(""));
  }

  private String tail(String text) throws IOException {
    return OutputTail.of(Files.writeString(directory.resolve("output"), text));
  }
}
