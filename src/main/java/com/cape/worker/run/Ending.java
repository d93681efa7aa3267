package com.cape.worker.run;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * @param exitCode of the command's first process, 128 + n after signal n as shells report it; empty
 *     when the guardian died before it could report it
 * @param stopReason why it was stopped; empty when nobody had begun to stop it before its first
 *     process ended. An exit 0 after that is no success: several tools exit 0 when they get TERM
 * @param outlived how many processes were seen to outlive the first one, and were ended
 * @param survivors what could not be ended, in words
 */
public record Ending(
    OptionalInt exitCode,
    Optional<StopReason> stopReason,
    Duration ran,
    int outlived,
    List<String> survivors) {
  public Ending {
    survivors = List.copyOf(survivors);
  }

  /** Whether the command was not started. */
  public boolean notStarted() {
    return stopReason.equals(Optional.of(StopReason.NOT_STARTED));
  }

  /** The same for a run of which nobody knows how it ended. */
  public Ending asLost() {
    return new Ending(exitCode, Optional.of(StopReason.WORKER_DIED), ran, outlived, survivors);
  }

  Ending ranFor(Duration time) {
    return new Ending(exitCode, stopReason, time, outlived, survivors);
  }
}
