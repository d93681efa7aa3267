package com.cape.worker.run;

import java.util.Arrays;
import java.util.Locale;

/** Why a run was ended from outside. */
public enum StopReason {
  TIMEOUT,
  OUTPUT_LIMIT,
  CANCELLED,
  INTERRUPTED,
  LEASE_LOST,
  /** The command could not be started, so there was nothing to end. */
  NOT_STARTED,
  /** Nobody was left to say why. */
  WORKER_DIED;

  /** The reason of a word; a word that is not known comes from a later version of the worker. */
  static StopReason of(String word) {
    return Arrays.stream(values())
        .filter(one -> one.word().equals(word))
        .findFirst()
        .orElse(WORKER_DIED);
  }

  /** The word in logs, in a run's folder and on the life line. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
