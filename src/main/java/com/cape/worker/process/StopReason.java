package com.cape.worker.process;

/** Why a run was ended from outside. */
public enum StopReason {
  TIMEOUT,
  OUTPUT_LIMIT,
  CANCELLED,
  INTERRUPTED,
  LEASE_LOST
}
