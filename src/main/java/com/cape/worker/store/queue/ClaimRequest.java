package com.cape.worker.store.queue;

import com.cape.worker.store.Database;
import com.cape.worker.store.pause.PauseScope;
import java.sql.SQLException;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.UUID;

/** The parameters of a claim. */
record ClaimRequest(
    UUID runId, WorkerIdentity worker, String account, String issueLogs, Duration lease) {
  /** With an id, for a claim of that issue. */
  void bind(Database.Binding bind, OptionalLong issueId) throws SQLException {
    bindScopes(bind);
    if (issueId.isPresent()) {
      bind.number(issueId.getAsLong());
    }
    bind.text(worker.id().value())
        .uuid(runId)
        .text(worker.id().value())
        .uuid(worker.instance())
        .text(worker.host())
        .number(worker.pid())
        .text(account)
        .text(issueLogs)
        .seconds(lease)
        .uuid(runId)
        .uuid(worker.instance());
  }

  /** Whose pauses hold this worker, besides the fleet's. */
  void bindScopes(Database.Binding bind) throws SQLException {
    bind.text(worker.id().value()).text(PauseScope.account(account).text());
  }
}
