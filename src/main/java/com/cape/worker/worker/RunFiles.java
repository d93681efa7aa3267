package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.run.OutputTail;
import com.cape.worker.run.PrivateFiles;
import com.cape.worker.run.RunDirectories;
import com.cape.worker.run.RunSpec;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The files of a run, and what is told to its command. Safe for use by several threads. */
final class RunFiles {
  private static final Logger LOG = LoggerFactory.getLogger(RunFiles.class);

  private final WorkerId worker;
  private final RunPlan plan;
  private final LeaseTimes times;
  private final RunDirectories directories;

  RunFiles(WorkerId worker, RunPlan plan, LeaseTimes times, RunDirectories directories) {
    this.worker = worker;
    this.plan = plan;
    this.times = times;
    this.directories = directories;
  }

  /** Creates the run's directory, the file with the description, and the file for the output. */
  Path create(Claim claim) throws IOException {
    directories.create(claim);
    Path log = log(claim);
    PrivateFiles.createDirectories(log.getParent());
    try {
      PrivateFiles.createFile(log);
    } catch (FileAlreadyExistsException e) {
      // Left by another database, or by one that has been created anew.
      long age = Files.getLastModifiedTime(log).toMillis();
      String name = log.getFileName().toString().replaceFirst("[.]log$", ".%d.log".formatted(age));
      Files.move(log, log.resolveSibling(name));
      PrivateFiles.createFile(log);
    }
    return log;
  }

  /** The file for the claim's output. */
  Path log(Claim claim) {
    return plan.issueLogs()
        .resolve(Long.toString(claim.issueId()))
        .resolve("attempt-" + claim.attempt() + "-" + claim.fence() + ".log");
  }

  /**
   * What is run for the claim.
   *
   * @param claimed when the claim was about to be sent, on the lease's clock
   */
  RunSpec spec(Claim claim, Path program, Path output, Duration claimed) {
    String id = Long.toString(claim.issueId());
    String attempt = Integer.toString(claim.attempt());
    String issueFile = directories.issueFile(claim).toString();
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
        directories.of(claim),
        output,
        plan.outputLimitBytes(),
        plan.timeout(),
        plan.grace(),
        times.deadline(claimed));
  }

  /** The end of the output, fit for people; a line that says why when it cannot be read. */
  String tail(Path output) {
    try {
      return OutputTail.of(output);
    } catch (NoSuchFileException e) {
      return "";
    } catch (IOException e) {
      LOG.warn("cannot read a run's output cause={}", e.toString());
      return "(the output cannot be read: %s)".formatted(e);
    }
  }
}
