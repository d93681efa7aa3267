package com.cape.bench;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** How much the machine itself varies: a fixed loop of the CPU, and fsync beside the data. */
final class Noise {
  private static final int LOOPS = 100;
  private static final int LENGTH = 2_000_000;
  private static final int PAGE_BYTES = 8192;
  private static volatile long sink;

  private final Path disk;
  private final List<Object[]> rows = new ArrayList<>();

  Noise(Path disk) {
    this.disk = disk;
  }

  /** Measures it now. */
  void measure(String when) throws IOException {
    double load = ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    Samples cpu = cpu();
    Samples fsync = fsync();
    rows.add(
        new Object[] {
          when,
          cpu.median(),
          cpu.percentile(99),
          cpu.most(),
          fsync.median(),
          fsync.percentile(99),
          fsync.most(),
          load
        });
  }

  void report(Report report) {
    report.title("Noise of the machine");
    report.line(
        "%d times the same loop, and %d times 8 KiB with fsync beside the data, in ms, before and"
                .formatted(LOOPS, LOOPS)
            + " after each part:");
    report.head(
        "when", "CPU p50", "p99", "most", "fsync p50", "p99", "most", "load average, 1 minute");
    rows.forEach(report::row);
  }

  private static Samples cpu() {
    var samples = new Samples();
    for (int i = -LOOPS; i < LOOPS; i++) { // the first half warms up
      long start = System.nanoTime();
      long value = i;
      for (int j = 0; j < LENGTH; j++) {
        value = value * 6364136223846793005L + 1442695040888963407L;
      }
      sink = value;
      if (i >= 0) {
        samples.add((System.nanoTime() - start) / 1e6);
      }
    }
    return samples;
  }

  private Samples fsync() throws IOException {
    var samples = new Samples();
    Path file = disk.resolve("fsync");
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      for (int i = 0; i < LOOPS; i++) {
        long start = System.nanoTime();
        channel.write(ByteBuffer.allocate(PAGE_BYTES), 0);
        channel.force(false);
        samples.add((System.nanoTime() - start) / 1e6);
      }
    } finally {
      Files.deleteIfExists(file);
    }
    return samples;
  }
}
