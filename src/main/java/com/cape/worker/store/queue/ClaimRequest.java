package com.cape.worker.store.queue;

import com.cape.worker.store.Database;
import java.sql.SQLException;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.UUID;

/** The parameters of a claim. */
record ClaimRequest(UUID runId, WorkerIdentity worker, String issueLogs, Duration lease) {
  /** With an id, for {@code CLAIM_ONE}. */
  void bind(Database.Binding bind, OptionalLong issueId) throws SQLException {
    bind.text(worker.id().value());
    if (issueId.isPresent()) {
      bind.number(issueId.getAsLong());
    }
    bind.text(worker.id().value())
        .uuid(runId)
        .text(worker.id().value())
        .uuid(worker.instance())
        .text(worker.host())
        .number(worker.pid())
        .text(issueLogs)
        .seconds(lease)
        .uuid(runId)
        .uuid(worker.instance());
  }
}
