package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.process.CommandCheck;
import com.cape.worker.process.CommandRunner;
import com.cape.worker.process.Ending;
import com.cape.worker.process.LeaseClock;
import com.cape.worker.process.StopReason;
import com.cape.worker.store.IssueRepository;
import com.cape.worker.store.Settlement;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sees one claim through, from start to settled outcome. Called by one thread for each slot. */
final class AttemptRunner {
  private static final Logger LOG = LoggerFactory.getLogger(AttemptRunner.class);
  // What a shell says of a command that it could not start.
  private static final int NOT_EXECUTABLE = 126;
  private static final int NOT_FOUND = 127;

  private final RunFiles files;
  private final CommandCheck check;
  private final CommandRunner commands;
  private final IssueRepository issues;
  private final EndingRules rules;
  private final LiveRuns runs;
  private final Settler settler;

  AttemptRunner(
      RunFiles files,
      CommandCheck check,
      CommandRunner commands,
      IssueRepository issues,
      EndingRules rules,
      LiveRuns runs,
      Settler settler) {
    this.files = files;
    this.check = check;
    this.commands = commands;
    this.issues = issues;
    this.rules = rules;
    this.runs = runs;
    this.settler = settler;
  }

  /**
   * Runs the command for the claimed issue and settles it.
   *
   * @param claimed when the claim was about to be sent, on the {@link LeaseClock}
   * @param started called once the command was started
   * @return why the command could not be started; empty once it ran
   */
  Optional<String> run(Claim claim, Duration claimed, Runnable started)
      throws InterruptedException {
    LogFacts.begin(claim);
    try {
      Optional<Path> program = check.find();
      if (program.isEmpty()) {
        return notStarted(claim, trouble());
      }
      Path output = files.create(claim);
      CommandRunner.Run run = commands.start(files.spec(claim, program.get(), output, claimed));
      started.run();
      LOG.info("workflow started log={}", output);
      return await(claim, claimed, run, output);
    } catch (IOException e) {
      return notStarted(claim, e.toString());
    } finally {
      LogFacts.end();
    }
  }

  private Optional<String> await(Claim claim, Duration claimed, CommandRunner.Run run, Path output)
      throws InterruptedException {
    runs.add(claim.runId(), run, claimed);
    try {
      Ending ending = run.await();
      LOG.info(
          "workflow ended exit={} stopped={} ran_s={}",
          ending.exitCode().isPresent() ? ending.exitCode().getAsInt() : "unknown",
          ending.stopReason().map(StopReason::word).orElse("no"),
          ending.ran().toSeconds());
      Optional<String> cause = notStartedBecause(ending);
      if (cause.isPresent()) {
        return notStarted(claim, cause.get());
      }
      String tail = files.tail(output);
      ending
          .survivors()
          .forEach(left -> LOG.error("could not end a process of the run process={}", left));
      if (settler.settle(claim, () -> decide(claim, ending, tail), () -> run.keep(ending))) {
        RunFiles.delete(files.runDirectory(claim));
      }
      return Optional.empty();
    } finally {
      runs.remove(claim.runId());
    }
  }

  private Settlement decide(Claim claim, Ending ending, String tail) {
    return rules.settle(claim, ending, () -> issues.throttledInARow(claim.issueId()), tail);
  }

  private Optional<String> notStarted(Claim claim, String cause) throws InterruptedException {
    files.keepNotStarted(claim, cause);
    if (settler.settle(claim, () -> EndingRules.notStarted(claim, cause), Settler.KEPT)) {
      RunFiles.delete(files.runDirectory(claim));
    }
    return Optional.of(cause);
  }

  private String trouble() {
    return check.trouble().orElse("the command came and went");
  }

  private Optional<String> notStartedBecause(Ending ending) {
    if (ending.stopReason().equals(Optional.of(StopReason.NOT_STARTED))) {
      return Optional.of("no process could be started; is memory short, or a limit reached?");
    }
    boolean mayNotHaveStarted =
        ending.stopReason().isEmpty()
            && ending.exitCode().stream()
                .anyMatch(code -> code == NOT_EXECUTABLE || code == NOT_FOUND);
    return mayNotHaveStarted ? check.trouble() : Optional.empty();
  }
}
