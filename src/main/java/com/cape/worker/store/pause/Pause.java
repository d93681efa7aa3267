package com.cape.worker.store.pause;

import java.time.Instant;
import java.util.Locale;
import java.util.Optional;

/**
 * @param now the database's clock
 * @param until empty when it lasts until it is lifted
 * @param issueId the issue whose end it was read from, if one was
 * @param line what it was read from, if that was a line of output
 */
public record Pause(
    Instant now,
    PauseScope scope,
    PauseOrder.Kind kind,
    Phase phase,
    Optional<Instant> until,
    Optional<String> reason,
    Instant since,
    Optional<Long> issueId,
    Optional<String> line) {
  /** What a pause allows now. */
  public enum Phase {
    PAUSED,
    /** The next run finds out whether it is over. */
    PROBE,
    /** One run does so. */
    PROBING,
    /** Over, but the rate of claims still grows. */
    RAMP,
    /** The same; no claim before the next turn. */
    FULL,
    OVER;

    static Phase ofWord(String word) {
      return valueOf(word.toUpperCase(Locale.ROOT));
    }
  }

  /** Whether it lets nobody through now. */
  public boolean holds() {
    return phase == Phase.PAUSED || phase == Phase.PROBING || phase == Phase.FULL;
  }
}
