package com.cape.worker.process;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a run ended.
 *
 * @param exitCode of the command's first process, 128 + n after signal n as shells report it; empty
 *     when the guardian died before it could tell
 * @param stopReason why it was stopped; empty when it ended by itself
 * @param ran how long it took
 */
public record Ending(OptionalInt exitCode, Optional<StopReason> stopReason, Duration ran) {}
