package com.cape.worker.worker;

import com.cape.worker.host.CommandCheck;
import com.cape.worker.issue.Claim;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.Ending;
import com.cape.worker.run.RunDirectories;
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

  private final RunDirectories directories;
  private final RunFiles files;
  private final CommandCheck check;
  private final CommandRunner commands;
  private final LiveRuns runs;
  private final Settler settler;
  private final Claims claims;

  AttemptRunner(
      RunDirectories directories,
      RunFiles files,
      CommandCheck check,
      CommandRunner commands,
      LiveRuns runs,
      Settler settler,
      Claims claims) {
    this.directories = directories;
    this.files = files;
    this.check = check;
    this.commands = commands;
    this.runs = runs;
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
      Path output = files.create(claim);
      CommandRunner.Run run =
          commands.start(files.spec(claim, program.get(), output, held.since()), started);
      LOG.info("workflow started log={}", output);
      return await(held, run, output, program.get());
    } catch (IOException e) {
      return notStarted(claim, e.toString());
    } finally {
      LogFacts.end();
    }
  }

  private Seen await(Held held, CommandRunner.Run run, Path output, Path program)
      throws InterruptedException {
    Claim claim = held.claim();
    runs.add(claim.runId(), run, held.since());
    try {
      // While the command is being started: of the run before, and for the next one.
      directories.renewSettled();
      directories.prepare();
      Ending ending = run.await();
      LOG.info(
          "workflow ended exit={} stopped={} ran_s={}",
          ending.exitCode().isPresent() ? ending.exitCode().getAsInt() : "unknown",
          ending.stopReason().map(StopReason::word).orElse("no"),
          ending.ran().toSeconds());
      Optional<String> cause = notStartedBecause(ending, program, output);
      if (cause.isPresent()) {
        return notStarted(claim, cause.get());
      }
      String tail = files.tail(output);
      var next = new AtomicReference<Held>();
      boolean settled =
          settler.settle(
              claim,
              ending,
              tail,
              settlement -> claims.settle(claim, settlement, next::set),
              () -> run.keep(ending));
      if (settled) {
        directories.settled(claim);
      }
      if (next.get() == null) {
        directories.renewSettled();
      }
      return new Seen(Optional.empty(), Optional.ofNullable(next.get()));
    } finally {
      runs.remove(claim.runId());
    }
  }

  private Seen notStarted(Claim claim, String cause) throws InterruptedException {
    directories.keepNotStarted(claim, cause);
    if (settler.settle(claim, () -> EndingRules.notStarted(claim, cause), Settler.KEPT)) {
      directories.settled(claim);
    }
    directories.renewSettled();
    return new Seen(Optional.of(cause), Optional.empty());
  }

  private String trouble() {
    return check.trouble().orElse("the command came and went");
  }

  private Optional<String> notStartedBecause(Ending ending, Path program, Path output) {
    if (ending.stopReason().equals(Optional.of(StopReason.NOT_STARTED))) {
      // A process that could not become the command has printed why.
      return check
          .trouble()
          .or(() -> files.tail(output).lines().reduce((before, last) -> last))
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
