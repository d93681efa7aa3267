package com.cape.worker.store.queue;

import com.cape.worker.issue.IssueStatus;
import java.util.Optional;

/**
 * @param status of the issue now; empty when it is gone, was claimed again, or refuses the write
 * @param refusal why it refuses; the write is tried again until it is accepted
 */
public record Settled(Optional<IssueStatus> status, Optional<String> refusal) {
  public Settled(Optional<IssueStatus> status) {
    this(status, Optional.empty());
  }
}
