package com.cape.worker.store.read;

import com.cape.worker.issue.Outcome;
import java.time.Instant;
import java.util.Optional;
import java.util.UUID;

/**
 * An attempt as the table has it.
 *
 * @param adoptions how often a later process of its worker has taken over its run
 */
public record AttemptView(
    long issueId,
    int attempt,
    long fence,
    UUID runId,
    String worker,
    String host,
    long pid,
    Instant startedAt,
    Instant leaseExpiresAt,
    Optional<Instant> finishedAt,
    Outcome outcome,
    Optional<Integer> exitCode,
    Optional<Integer> signal,
    Optional<String> error,
    Optional<String> outputTail,
    Optional<String> logFile,
    Optional<Instant> adoptedAt,
    int adoptions) {

  public boolean running() {
    return outcome == Outcome.RUNNING;
  }
}
