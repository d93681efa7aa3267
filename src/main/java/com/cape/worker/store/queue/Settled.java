package com.cape.worker.store.queue;

import com.cape.worker.issue.IssueStatus;
import java.util.Optional;

/**
 * An attempt that was closed.
 *
 * @param status what the issue became, which a cancel may have changed; empty when the issue was
 *     left alone, because it is gone or was claimed again
 */
public record Settled(Optional<IssueStatus> status) {}
