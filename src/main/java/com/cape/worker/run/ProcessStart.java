package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A process by its number and its start time: the number alone may be another one's by now.
 *
 * @param start as guardian.pl writes it
 */
record ProcessStart(long pid, String start) {
  private static final Path PROC = Path.of("/proc");
  private static final boolean HAS_PROC = Files.isReadable(PROC.resolve("self/stat"));
  // Counted from 0 after the name: proc(5), stat.
  private static final int STATE = 0;
  private static final int START = 19;

  /** Of its number, a blank, and its start time. */
  static ProcessStart parse(String text) {
    String[] parts = text.split(" ", 2);
    return new ProcessStart(Long.parseLong(parts[0]), parts[1]);
  }

  /** A zombie is not alive: its parent may be frozen. */
  boolean isAlive() {
    try {
      return HAS_PROC ? isInProc() : isInPs();
    } catch (IOException e) {
      // Gone, or this process is short of files: nobody's run is to end for that.
      return HAS_PROC
          ? Files.exists(PROC.resolve(Long.toString(pid)))
          : ProcessHandle.of(pid).isPresent();
    }
  }

  private boolean isInProc() throws IOException {
    // The name before the last parenthesis may hold anything.
    byte[] stat = Files.readAllBytes(PROC.resolve(Long.toString(pid)).resolve("stat"));
    String line = new String(stat, UTF_8);
    String[] fields = line.substring(line.lastIndexOf(')') + 1).strip().split(" ");
    return !fields[STATE].equals("Z") && fields[START].equals(start);
  }

  private boolean isInPs() throws IOException {
    var ps = new ProcessBuilder(List.of("/bin/ps", "-o", "lstart=", "-p", Long.toString(pid)));
    ps.environment().put("TZ", "UTC");
    ps.environment().put("LC_ALL", "C");
    String shown = new String(ps.start().getInputStream().readAllBytes(), UTF_8);
    return shown.strip().replaceAll("\\s+", "_").equals(start);
  }

  void kill() {
    Optional<ProcessHandle> handle = ProcessHandle.of(pid);
    // From now on the handle knows a later process from this one.
    if (isAlive()) {
      handle.ifPresent(ProcessHandle::destroyForcibly);
    }
  }
}
