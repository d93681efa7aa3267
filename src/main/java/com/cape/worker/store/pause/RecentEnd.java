package com.cape.worker.store.pause;

import com.cape.worker.issue.Outcome;
import java.time.Duration;
import java.time.Instant;

/**
 * How an attempt of an account has ended, for what looks for a series.
 *
 * @param error its first line
 * @param output the last characters that it printed, if it failed
 */
public record RecentEnd(
    String worker,
    long issueId,
    Outcome outcome,
    Duration ran,
    Instant started,
    Instant finished,
    String error,
    String output) {}
