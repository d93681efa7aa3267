package com.cape.worker.store.queue;

import com.cape.worker.store.Database;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;

/**
 * A claim as it is asked for.
 *
 * @param issueLogs the folder of the attempts' log files
 * @param unfit why an issue fails that is claimed so; empty for one that is to be run
 */
record ClaimRequest(
    UUID runId, WorkerIdentity worker, String issueLogs, Duration lease, Optional<String> unfit) {
  ClaimRequest(UUID runId, WorkerIdentity worker, String issueLogs, Duration lease) {
    this(runId, worker, issueLogs, lease, Optional.empty());
  }

  ClaimRequest toFail(String reason) {
    return new ClaimRequest(runId, worker, issueLogs, lease, Optional.of(reason));
  }

  void bind(Database.Binding bind) throws SQLException {
    bind.uuid(runId)
        .text(worker.id().value())
        .uuid(worker.instance())
        .text(worker.host())
        .number(worker.pid())
        .text(issueLogs)
        .seconds(lease)
        .text(unfit)
        .uuid(UUID.randomUUID());
  }
}
