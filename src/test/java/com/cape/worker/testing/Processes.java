package com.cape.worker.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Looks at processes that are nobody's child here. */
public final class Processes {
  private Processes() {}

  /** Whether it runs; one that has ended and that its parent has not asked for yet does not. */
  public static boolean isAlive(long pid) {
    if (Files.notExists(Path.of("/proc"))) {
      return ProcessHandle.of(pid).isPresent();
    }
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
    } catch (IOException e) {
      return false;
    }
  }
}
