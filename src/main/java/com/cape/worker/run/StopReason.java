package com.cape.worker.run;

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

  /** The word in logs. */
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }
}
