package com.cape.worker.week;

/**
 * One run of the workflow as the ledger has it, in simulated minutes. Without an ending, {@code
 * end} is when it was last seen alive.
 */
record Run(
    int issue, String host, double begin, double end, Ending ending, String fault, double paid) {
  enum Ending {
    OK,
    /** It had been started while the fault held. */
    START,
    /** The fault began while it ran. */
    MIDRUN,
    /** All was done but the last step, which the fault prevents. */
    FINAL,
    /** Somebody ended it. */
    NONE
  }
}
