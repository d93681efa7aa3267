package com.cape.worker.store.queue;

import com.cape.worker.issue.IssueStatus;
import java.util.Optional;

/**
 * An attempt whose lease had run out.
 *
 * @param status what the issue became; empty when it was left alone
 */
public record Rescued(long issueId, int attempt, String worker, Optional<IssueStatus> status) {}
