package com.cape.worker.issue;

import java.util.Optional;
import java.util.UUID;

/**
 * The right to run one attempt of an issue.
 *
 * @param attempt counted from 1
 * @param fence grows with each claim of the issue
 * @param instance the process of the worker that holds the claim
 * @param lastError of the previous attempt, at most 8 KiB
 */
public record Claim(
    long issueId,
    int attempt,
    long fence,
    UUID runId,
    UUID instance,
    String description,
    Optional<String> lastError) {

  /** The same claim, once a later process of the worker has taken it over. */
  public Claim heldBy(UUID successor) {
    return new Claim(issueId, attempt, fence, runId, successor, description, lastError);
  }
}
