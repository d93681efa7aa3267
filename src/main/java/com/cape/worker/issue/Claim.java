package com.cape.worker.issue;

import java.util.Optional;
import java.util.UUID;

/**
 * The right to run one attempt of an issue.
 *
 * @param attempt counted from 1
 * @param fence grows with each claim of the issue
 * @param lastError of the previous attempt, at most 8 KiB
 */
public record Claim(
    long issueId,
    int attempt,
    long fence,
    UUID runId,
    String description,
    Optional<String> lastError) {}
