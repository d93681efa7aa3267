package com.cape.worker.store.queue;

import com.cape.worker.issue.IssueStatus;
import java.util.Optional;

/**
 * An attempt that was closed.
 *
 * @param status what the issue became, which a cancel may have changed; empty when the issue was
 *     left alone, because it is gone, was claimed again, or refuses
 * @param refusal why the issue does not take the write; it is tried again until it does
 */
public record Settled(Optional<IssueStatus> status, Optional<String> refusal) {
  public Settled(Optional<IssueStatus> status) {
    this(status, Optional.empty());
  }
}
