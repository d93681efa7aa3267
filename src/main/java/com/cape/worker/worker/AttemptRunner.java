package com.cape.worker.worker;

import com.cape.worker.host.CommandCheck;
import com.cape.worker.issue.Claim;
import com.cape.worker.run.AttemptLog;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.Ending;
import com.cape.worker.run.RunFolder;
import com.cape.worker.run.RunSpec;
import com.cape.worker.run.StopReason;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sees one claim through, from start to settled outcome. Called by one thread for each slot. */
final class AttemptRunner {
  private static final Logger LOG = LoggerFactory.getLogger(AttemptRunner.class);
  // What a shell says of a command that it could not start.
  private static final int NOT_EXECUTABLE = 126;
  private static final int NOT_FOUND = 127;

  private final Path runs;
  private final Path issueLogs;
  private final RunFiles files;
  private final CommandCheck check;
  private final CommandRunner commands;
  private final LiveRuns live;
  private final Settler settler;
  private final Claims claims;

  AttemptRunner(
      RunPlan plan,
      RunFiles files,
      CommandRunner commands,
      LiveRuns live,
      Settler settler,
      Claims claims) {
    this.runs = plan.runs();
    this.issueLogs = plan.issueLogs();
    this.check = plan.check();
    this.files = files;
    this.commands = commands;
    this.live = live;
    this.settler = settler;
    this.claims = claims;
  }

  /**
   * What came of an attempt.
   *
   * @param cause why the command could not be started; empty once it ran
   * @param next what was claimed in the same go
   */
  record Seen(Optional<String> cause, Optional<Held> next) {}

  /**
   * Runs the command for the claimed issue and settles it.
   *
   * @param started called when the command was started
   */
  Seen run(Held held, Runnable started) throws InterruptedException {
    Claim claim = held.claim();
    LogFacts.begin(claim);
    try {
      // The claim came soon after a look; should it be gone since, the run is one not started.
      Optional<Path> program = check.found();
      if (program.isEmpty()) {
        return notStarted(claim, trouble());
      }
      RunFolder folder = RunFolder.create(runs, claim);
      try (AttemptLog output = AttemptLog.create(issueLogs, claim)) {
        RunSpec spec = files.spec(folder, program.get(), output, held.since());
        CommandRunner.Run run = commands.start(spec, started);
        LOG.info("workflow started log={}", output.path());
        return await(held, run, spec, program.get());
      }
    } catch (IOException e) {
      return notStarted(claim, e.toString());
    } finally {
      LogFacts.end();
    }
  }

  private Seen await(Held held, CommandRunner.Run run, RunSpec spec, Path program)
      throws InterruptedException {
    Claim claim = held.claim();
    live.add(claim.runId(), run, held.since());
    try {
      Ending ending = run.await();
      LOG.info(
          "workflow ended exit={} stopped={} ran_s={}",
          ending.exitCode().isPresent() ? ending.exitCode().getAsInt() : "unknown",
          ending.stopReason().map(StopReason::word).orElse("no"),
          ending.ran().toSeconds());
      Optional<String> cause = notStartedBecause(ending, program, spec.output());
      if (cause.isPresent()) {
        return notStarted(claim, cause.get());
      }
      String tail = spec.output().tail();
      var next = new AtomicReference<Held>();
      boolean settled =
          settler.settle(
              claim,
              ending,
              tail,
              settlement -> claims.settle(claim, settlement, next::set),
              () -> spec.folder().keep(ending));
      if (settled) {
        spec.folder().delete();
      }
      return new Seen(Optional.empty(), Optional.ofNullable(next.get()));
    } finally {
      live.remove(claim.runId());
    }
  }

  private Seen notStarted(Claim claim, String cause) throws InterruptedException {
    RunFolder folder = RunFolder.of(runs, claim);
    folder.keepNotStarted(cause);
    if (settler.settle(claim, () -> EndingRules.notStarted(claim, cause), Settler.KEPT)) {
      folder.delete();
    }
    return new Seen(Optional.of(cause), Optional.empty());
  }

  private String trouble() {
    return check.trouble().orElse("the command came and went");
  }

  private Optional<String> notStartedBecause(Ending ending, Path program, AttemptLog output) {
    if (ending.stopReason().equals(Optional.of(StopReason.NOT_STARTED))) {
      // A process that could not become the command has printed why.
      return check
          .trouble()
          .or(() -> output.tail().lines().reduce((before, last) -> last))
          .or(
              () ->
                  Optional.of("no process could be started; is memory short, or a limit reached?"));
    }
    boolean mayNotHaveStarted =
        ending.stopReason().isEmpty()
            && ending.exitCode().stream()
                .anyMatch(code -> code == NOT_EXECUTABLE || code == NOT_FOUND);
    if (!mayNotHaveStarted) {
      return Optional.empty();
    }
    return check
        .trouble()
        .or(
            () ->
                check
                    .found()
                    .filter(now -> !now.equals(program))
                    .map(now -> "the command was moved from %s to %s".formatted(program, now)));
  }
}
