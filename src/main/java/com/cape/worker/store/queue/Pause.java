package com.cape.worker.store.queue;

import java.time.Instant;
import java.util.Optional;

/**
 * @param now the database's clock
 * @param worker empty for the whole fleet
 * @param until empty when it lasts until it is lifted
 */
public record Pause(
    Instant now,
    Optional<String> worker,
    Optional<Instant> until,
    Optional<String> reason,
    Instant since) {}
