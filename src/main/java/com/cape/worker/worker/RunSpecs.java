package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.run.AttemptLog;
import com.cape.worker.run.RunFolder;
import com.cape.worker.run.RunSpec;
import com.cape.worker.worker.state.LeaseTimes;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** What is run for a claim: the command's words, variables and limits. */
final class RunSpecs {
  private final WorkerId worker;
  private final RunPlan plan;
  private final LeaseTimes times;

  RunSpecs(WorkerId worker, RunPlan plan, LeaseTimes times) {
    this.worker = worker;
    this.plan = plan;
    this.times = times;
  }

  /**
   * The specification of a run.
   *
   * @param renewed when the lease was last extended, on the lease's clock
   */
  RunSpec of(Claim claim, Path program, RunFolder folder, AttemptLog log, Duration renewed) {
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
        log,
        plan.outputLimitBytes(),
        plan.timeout(),
        plan.grace(),
        plan.keep(),
        times.deadline(renewed));
  }
}
