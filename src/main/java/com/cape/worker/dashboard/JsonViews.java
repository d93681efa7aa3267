package com.cape.worker.dashboard;

import com.cape.worker.http.Json;
import com.cape.worker.store.pause.Pause;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.store.read.IssueView;
import com.cape.worker.store.read.Overview;
import com.cape.worker.store.read.RefusedWrite;
import java.time.Duration;
import java.util.List;

/** What the store knows as JSON, for the commands and the dashboard alike. */
public final class JsonViews {
  private JsonViews() {}

  public static Json issue(IssueView issue) {
    return Json.of(issue, "now");
  }

  public static Json attempt(AttemptView attempt) {
    return Json.of(attempt, "issueId");
  }

  public static Json pause(Pause pause) {
    return new Json()
        .with("worker", pause.scope().worker())
        .with("account", pause.scope().account())
        .withAll(Json.of(pause, "now", "scope"));
  }

  public static List<Json> refusals(List<RefusedWrite> refusals) {
    return refusals.stream().map(refused -> Json.of(refused, "now")).toList();
  }

  public static Json overview(Overview overview) {
    return new Json()
        .with("now", overview.now())
        .with("issues", Json.of(overview.counts()))
        .with("oldest_due_since", overview.oldestDue())
        .with("last_claim_at", overview.lastClaim())
        .with(
            "workers", overview.workers().stream().map(worker -> worker(worker, overview)).toList())
        .with("pauses", overview.pauses().stream().map(JsonViews::pause).toList())
        .with("refusals", refusals(overview.refusals()))
        .with("warnings", Warnings.of(overview));
  }

  private static Json worker(Overview.Worker worker, Overview overview) {
    return Json.of(worker)
        .with("runs", worker.runs().stream().map(run -> run(run, overview)).toList());
  }

  private static Json run(Overview.Run run, Overview overview) {
    return new Json()
        .with("issue_id", run.issueId())
        .with("attempt", run.attempt())
        .with("started_at", run.startedAt())
        .with("seconds", Duration.between(run.startedAt(), overview.now()))
        .with("lease_expires_at", run.leaseExpiresAt())
        .with("lease_margin_seconds", Duration.between(overview.now(), run.leaseExpiresAt()));
  }
}
