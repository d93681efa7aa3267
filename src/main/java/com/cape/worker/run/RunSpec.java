package com.cape.worker.run;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * @param runId marks all processes of the run, as CAPE_RUN_ID in their environment
 * @param words the command's absolute or relative path, then its arguments; none holds a NUL
 * @param added variables that the command gets on top of this process's own
 * @param output to which everything printed is appended
 * @param outputLimitBytes a run that prints more is stopped
 * @param timeout a run that lasts longer is stopped
 * @param grace between TERM and KILL, in whole seconds
 * @param keep whether the run goes on when this process is gone, until the deadline
 * @param deadline when the run is ended unless {@link CommandRunner.Run#extend} says otherwise, on
 *     the {@link LeaseClock}
 */
public record RunSpec(
    UUID runId,
    List<String> words,
    Map<String, String> added,
    Path directory,
    RunFolder folder,
    AttemptLog output,
    long outputLimitBytes,
    Duration timeout,
    Duration grace,
    boolean keep,
    Duration deadline) {
  public RunSpec {
    words = List.copyOf(words);
    added = Map.copyOf(added);
    if (words.isEmpty()) {
      throw new IllegalArgumentException("a command has at least one word");
    }
    if (folder.path().toString().contains("\n")) {
      throw new IllegalArgumentException("the guardian reads the folder's name from a line");
    }
  }
}
