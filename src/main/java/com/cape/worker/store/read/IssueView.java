package com.cape.worker.store.read;

import java.time.Instant;
import java.util.Optional;

/**
 * An issue as the table has it. A table that others made may allow null in every column.
 *
 * @param now the database's clock
 * @param status any word; {@code none} for null
 * @param description may be only its beginning
 * @param descriptionLength of all of it, in characters
 */
public record IssueView(
    Instant now,
    long id,
    String status,
    String description,
    int descriptionLength,
    int priority,
    int attempts,
    long fence,
    Optional<String> worker,
    Optional<Instant> runAfter,
    Optional<Instant> createdAt,
    Optional<Instant> updatedAt,
    Optional<Instant> startedAt,
    Optional<Instant> completedAt,
    Optional<Instant> cancelRequestedAt,
    Optional<String> lastError,
    boolean running) {}
