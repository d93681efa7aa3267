package com.cape.worker.ending;

import java.time.Instant;
import java.util.Optional;

/**
 * What the ending rules take a run's end for.
 *
 * @param until when a limit ends; empty when that is not known
 * @param rule the name of the rule that matched
 * @param line what it matched, readable, at most 500 characters
 */
public record Verdict(EndingClass kind, Optional<Instant> until, String rule, String line) {}
