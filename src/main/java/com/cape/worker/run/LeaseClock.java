package com.cape.worker.run;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * A clock for leases: it runs on while the machine is suspended, and the guardian reads the same
 * one. On Linux the time since boot (proc(5): uptime includes suspension), elsewhere the time of
 * day. {@link System#nanoTime} stands still in a suspended machine.
 */
public final class LeaseClock {
  private static final Path UPTIME = Path.of("/proc/uptime");
  private static final boolean SINCE_BOOT = Files.isReadable(UPTIME);
  private static final int MILLIS = 1000;

  private LeaseClock() {}

  /** The time now, since a moment that is the same for all processes of this machine. */
  public static Duration now() {
    if (!SINCE_BOOT) {
      return Duration.ofMillis(System.currentTimeMillis());
    }
    try {
      String uptime = Files.readString(UPTIME);
      double seconds = Double.parseDouble(uptime.substring(0, uptime.indexOf(' ')));
      return Duration.ofMillis((long) (seconds * MILLIS));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
