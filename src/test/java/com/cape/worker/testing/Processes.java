package com.cape.worker.testing;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Looks at processes that are nobody's child here. */
public final class Processes {
  private static final char GONE = '-';

  private Processes() {}

  /** Whether it runs; one that has ended and that its parent has not asked for yet does not. */
  public static boolean isAlive(long pid) {
    if (Files.notExists(Path.of("/proc"))) {
      return ProcessHandle.of(pid).isPresent();
    }
    char state = state(pid); // asked once: a zombie may be gone a moment later
    return state != GONE && state != 'Z';
  }

  /** The state as proc(5) has it. */
  public static char state(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2);
    } catch (IOException e) {
      return GONE;
    }
  }

  /** Its process group; 0 when it is gone. */
  public static long group(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      return Long.parseLong(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[2]);
    } catch (IOException e) {
      return 0;
    }
  }

  /** Sends a signal to one process. */
  public static void signal(String name, long pid) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(pid)).inheritIO().start().waitFor();
  }

  /**
   * Sends a signal to a process group, by bash: a kill of procps may read -1234 as -1, everybody.
   */
  public static void signalGroup(String name, long group) throws IOException, InterruptedException {
    if (group <= 1) {
      throw new IllegalArgumentException("no group of a test: " + group);
    }
    String builtIn = "kill -%s -- -%d".formatted(name, group);
    new ProcessBuilder("/bin/bash", "-c", builtIn).inheritIO().start().waitFor();
  }

  /** The child in a group of its own: a guardian's third process, or what it has forked ahead. */
  public static Optional<Long> leader(long parent) {
    return ProcessHandle.of(parent).stream()
        .flatMap(ProcessHandle::children)
        .map(ProcessHandle::pid)
        .filter(pid -> group(pid) == pid)
        .findFirst();
  }

  /** The words a process of /proc was started with, NUL after each; empty when it is gone. */
  public static String words(Path process) {
    return text(process.resolve("cmdline"));
  }

  /** What a process of /proc has in its environment; empty when it is gone. */
  public static String environment(Path process) {
    return text(process.resolve("environ"));
  }

  private static String text(Path file) {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
