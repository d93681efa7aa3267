package com.cape.worker.worker;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.process.CommandRunner;
import com.cape.worker.process.Ending;
import com.cape.worker.process.OutputTail;
import com.cape.worker.process.RunSpec;
import com.cape.worker.store.IssueRepository;
import com.cape.worker.store.Settlement;
import com.cape.worker.store.StoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sees one claim through, from start to settled outcome. Called by the loop's thread. */
final class AttemptRunner {
  private static final Logger LOG = LoggerFactory.getLogger(AttemptRunner.class);
  private static final FileAttribute<?> PRIVATE_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final FileAttribute<?> PRIVATE_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private final WorkerId worker;
  private final RunPlan plan;
  private final CommandRunner commands;
  private final IssueRepository issues;
  private final EndingRules rules;
  private final Heartbeat heartbeat;
  private final Outage outage;

  AttemptRunner(
      WorkerId worker,
      RunPlan plan,
      CommandRunner commands,
      IssueRepository issues,
      EndingRules rules,
      Heartbeat heartbeat,
      Outage outage) {
    this.worker = worker;
    this.plan = plan;
    this.commands = commands;
    this.issues = issues;
    this.rules = rules;
    this.heartbeat = heartbeat;
    this.outage = outage;
  }

  /**
   * Runs the command for the claimed issue and settles it.
   *
   * @throws IOException when the command could not be started; the claim is still to be settled
   */
  void run(Claim claim) throws IOException, InterruptedException {
    Path runDirectory = plan.runs().resolve(claim.runId().toString());
    Files.createDirectories(runDirectory, PRIVATE_DIRECTORY);
    try {
      Path output = logFile(claim);
      CommandRunner.Run run = commands.start(spec(claim, runDirectory, output));
      LOG.info(
          "workflow started issue={} attempt={} log={}", claim.issueId(), claim.attempt(), output);
      heartbeat.add(claim.runId(), run);
      try {
        Ending ending = run.await();
        settle(claim, ending, OutputTail.of(output));
      } finally {
        heartbeat.remove(claim.runId());
      }
    } finally {
      delete(runDirectory);
    }
  }

  private Path logFile(Claim claim) throws IOException {
    Path folder = plan.issueLogs().resolve(Long.toString(claim.issueId()));
    Files.createDirectories(folder, PRIVATE_DIRECTORY);
    return Files.createFile(
        folder.resolve("attempt-%d-%d.log".formatted(claim.attempt(), claim.fence())),
        PRIVATE_FILE);
  }

  private RunSpec spec(Claim claim, Path runDirectory, Path output) throws IOException {
    Path issueFile = Files.createFile(runDirectory.resolve("issue"), PRIVATE_FILE);
    Files.writeString(issueFile, claim.description(), UTF_8, StandardOpenOption.WRITE);
    String id = Long.toString(claim.issueId());
    String attempt = Integer.toString(claim.attempt());
    Map<String, String> added = new HashMap<>();
    added.put("CAPE_ISSUE_ID", id);
    added.put("CAPE_ISSUE_FILE", issueFile.toString());
    added.put("CAPE_WORKER_ID", worker.value());
    added.put("CAPE_ATTEMPT", attempt);
    added.put("CAPE_FENCE", Long.toString(claim.fence()));
    added.put("CAPE_RUN_ID", claim.runId().toString());
    if (claim.attempt() > 1) {
      claim.lastError().ifPresent(error -> added.put("CAPE_LAST_ERROR", error));
    }
    var words =
        plan.template()
            .expand(
                plan.program(),
                Map.of(
                    "id", id,
                    "description", claim.description(),
                    "description_file", issueFile.toString(),
                    "attempt", attempt,
                    "worker_id", worker.value()));
    return new RunSpec(
        words,
        added,
        Set.copyOf(plan.withheld()),
        plan.directory(),
        runDirectory,
        output,
        plan.outputLimitBytes(),
        plan.timeout(),
        plan.grace());
  }

  private void settle(Claim claim, Ending ending, String tail) throws InterruptedException {
    while (true) {
      try {
        int throttled = issues.throttledInARow(claim.issueId());
        Settlement settlement = rules.settle(claim, ending, throttled, tail);
        boolean settled = issues.settle(claim, settlement);
        outage.over();
        LOG.info(
            settled
                ? "issue {} issue={} attempt={} outcome={} ran_s={}"
                : "lease lost, nothing written; would be {} issue={} attempt={} outcome={} ran_s={}",
            settlement.status().word(),
            claim.issueId(),
            claim.attempt(),
            settlement.outcome().word(),
            ending.ran().toSeconds());
        return;
      } catch (StoreException e) {
        Thread.sleep(outage.failed(e).toMillis());
      }
    }
  }

  private static void delete(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
      Files.delete(directory);
    } catch (IOException e) {
      LOG.warn("cannot delete a run's files directory={} cause={}", directory, e.toString());
    }
  }
}
