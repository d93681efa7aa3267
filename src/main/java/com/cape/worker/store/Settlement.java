package com.cape.worker.store;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import java.time.Duration;
import java.util.Optional;

/**
 * What is written when an attempt has ended.
 *
 * @param status of the issue from now on
 * @param backoff for a pending issue; empty keeps its place in the queue
 * @param counted whether the attempt counts
 * @param error one readable line, then the end of the output; empty for a completed issue
 * @param fleetPause for how long no worker claims anything
 */
public record Settlement(
    Outcome outcome,
    IssueStatus status,
    Optional<Duration> backoff,
    boolean counted,
    Optional<Integer> exitCode,
    Optional<Integer> signal,
    Optional<String> error,
    String outputTail,
    Optional<Duration> fleetPause) {}
