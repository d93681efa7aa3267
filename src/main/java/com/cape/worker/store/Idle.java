package com.cape.worker.store;

import java.time.Duration;
import java.util.Optional;

/**
 * Why there is nothing to claim, and until when.
 *
 * @param pausedFor what is left of a pause of the fleet or of this worker; a pause without an end
 *     counts as a long one
 * @param pauseReason empty without a pause
 * @param nextDue until the next pending issue falls due
 */
public record Idle(Optional<Duration> pausedFor, String pauseReason, Optional<Duration> nextDue) {}
