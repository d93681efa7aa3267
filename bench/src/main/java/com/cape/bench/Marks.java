package com.cape.bench;

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A FIFO into which the external program writes when it began; waiting for it costs no CPU. */
final class Marks implements AutoCloseable {
  private static final int LIMIT_SECONDS = 60;
  private static final String END = "end 0";

  /** What the program wrote. */
  record Mark(String word, long nanos) {}

  private final Path fifo;
  private final RandomAccessFile open;
  private final BlockingQueue<Mark> marks = new LinkedBlockingQueue<>();

  Marks(Path fifo) throws IOException, InterruptedException {
    this.fifo = fifo;
    Files.deleteIfExists(fifo);
    if (new ProcessBuilder("mkfifo", fifo.toString()).inheritIO().start().waitFor() != 0) {
      throw new IOException("cannot make the FIFO " + fifo);
    }
    // Open for writing, too, so that it never ends.
    this.open = new RandomAccessFile(fifo.toFile(), "rw");
    var reader = new Thread(this::read, "marks");
    reader.setDaemon(true);
    reader.start();
  }

  private void read() {
    try (var lines =
        new BufferedReader(
            new InputStreamReader(new FileInputStream(open.getFD()), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); !END.equals(line); line = lines.readLine()) {
        String[] words = line.split(" ");
        marks.add(new Mark(words[0], Long.parseLong(words[1])));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String path() {
    return fifo.toString();
  }

  /** Waits for the next one. */
  Mark next() throws InterruptedException {
    Mark mark = marks.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
    if (mark == null) {
      throw new IllegalStateException(
          "no program was started within %d s; see the logs beside %s"
              .formatted(LIMIT_SECONDS, fifo));
    }
    return mark;
  }

  /** The clock of the marks. */
  static long now() {
    Instant now = Instant.now();
    return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano();
  }

  @Override
  public void close() throws IOException {
    open.writeBytes(END + "\n");
  }
}
