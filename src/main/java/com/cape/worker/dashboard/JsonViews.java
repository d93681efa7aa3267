package com.cape.worker.dashboard;

import com.cape.worker.http.Json;
import com.cape.worker.store.queue.Pause;
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
    return new Json()
        .with("id", issue.id())
        .with("status", issue.status())
        .with("description", issue.description())
        .with("description_length", issue.descriptionLength())
        .with("priority", issue.priority())
        .with("attempts", issue.attempts())
        .with("fence", issue.fence())
        .with("worker", issue.worker())
        .with("run_after", issue.runAfter())
        .with("created_at", issue.createdAt())
        .with("updated_at", issue.updatedAt())
        .with("started_at", issue.startedAt())
        .with("completed_at", issue.completedAt())
        .with("cancel_requested_at", issue.cancelRequestedAt())
        .with("last_error", issue.lastError())
        .with("running", issue.running());
  }

  public static Json attempt(AttemptView attempt) {
    return new Json()
        .with("attempt", attempt.attempt())
        .with("fence", attempt.fence())
        .with("run_id", attempt.runId())
        .with("worker", attempt.worker())
        .with("host", attempt.host())
        .with("pid", attempt.pid())
        .with("started_at", attempt.startedAt())
        .with("lease_expires_at", attempt.leaseExpiresAt())
        .with("finished_at", attempt.finishedAt())
        .with("outcome", attempt.outcome().word())
        .with("exit_code", attempt.exitCode())
        .with("signal", attempt.signal())
        .with("error", attempt.error())
        .with("output_tail", attempt.outputTail())
        .with("log_file", attempt.logFile());
  }

  public static Json pause(Pause pause) {
    return new Json()
        .with("worker", pause.worker())
        .with("until", pause.until())
        .with("reason", pause.reason())
        .with("since", pause.since());
  }

  public static Json overview(Overview overview) {
    Overview.Counts counts = overview.counts();
    return new Json()
        .with("now", overview.now())
        .with(
            "issues",
            new Json()
                .with("pending", counts.pending())
                .with("due", counts.due())
                .with("retrying", counts.retrying())
                .with("started", counts.started())
                .with("unowned", counts.unowned())
                .with("failed", counts.failed())
                .with("cancelled", counts.cancelled())
                .with("completed_last_hour", counts.completedLastHour())
                .with("completed_last_day", counts.completedLastDay()))
        .with("oldest_due_since", overview.oldestDue())
        .with("last_claim_at", overview.lastClaim())
        .with(
            "workers", overview.workers().stream().map(worker -> worker(worker, overview)).toList())
        .with("pauses", overview.pauses().stream().map(JsonViews::pause).toList())
        .with("refusals", refusals(overview.refusals()))
        .with("warnings", Warnings.of(overview));
  }

  public static List<Json> refusals(List<RefusedWrite> refusals) {
    return refusals.stream()
        .map(
            refused ->
                new Json()
                    .with("issue_id", refused.issueId())
                    .with("status", refused.status())
                    .with("error", refused.error())
                    .with("retry_at", refused.retryAt())
                    .with("tries", refused.tries()))
        .toList();
  }

  private static Json worker(Overview.Worker worker, Overview overview) {
    return new Json()
        .with("id", worker.id())
        .with("host", worker.host())
        .with("pid", worker.pid())
        .with("version", worker.version())
        .with("state", worker.state())
        .with("alive", worker.alive())
        .with("started_at", worker.startedAt())
        .with("heartbeat_at", worker.heartbeatAt())
        .with("lease_seconds", worker.lease().toSeconds())
        .with("free_slots", worker.freeSlots())
        .with("listening", worker.listening())
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
