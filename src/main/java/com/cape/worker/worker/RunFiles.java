package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.run.AttemptLog;
import com.cape.worker.run.RunFolder;
import com.cape.worker.run.RunSpec;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** What a run gets: its words, its variables, its limits. Safe for use by several threads. */
final class RunFiles {
  private final WorkerId worker;
  private final RunPlan plan;
  private final LeaseTimes times;

  RunFiles(WorkerId worker, RunPlan plan, LeaseTimes times) {
    this.worker = worker;
    this.plan = plan;
    this.times = times;
  }

  /**
   * What is run for the claim.
   *
   * @param claimed when the claim was about to be sent, on the lease's clock
   */
  RunSpec spec(RunFolder folder, Path program, AttemptLog output, Duration claimed) {
    Claim claim = folder.claim();
    String id = Long.toString(claim.issueId());
    String attempt = Integer.toString(claim.attempt());
    String issueFile = folder.issueFile().toString();
    Map<String, String> added = new HashMap<>(plan.declared());
    added.put("CAPE_ISSUE_ID", id);
    added.put("CAPE_ISSUE_FILE", issueFile);
    added.put("CAPE_WORKER_ID", worker.value());
    added.put("CAPE_ATTEMPT", attempt);
    added.put("CAPE_FENCE", Long.toString(claim.fence()));
    if (claim.attempt() > 1) {
      claim.lastError().ifPresent(error -> added.put("CAPE_LAST_ERROR", error));
    }
    var placeholders =
        Map.of(
            "id", id,
            "description", claim.description(),
            "description_file", issueFile,
            "attempt", attempt,
            "worker_id", worker.value());
    return new RunSpec(
        claim.runId(),
        plan.template().expand(program.toString(), placeholders),
        added,
        plan.directory(),
        folder,
        output,
        plan.outputLimitBytes(),
        plan.timeout(),
        plan.grace(),
        times.deadline(claimed));
  }
}
