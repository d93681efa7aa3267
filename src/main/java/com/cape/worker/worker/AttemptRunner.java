package com.cape.worker.worker;

import com.cape.worker.host.CommandCheck;
import com.cape.worker.issue.Claim;
import com.cape.worker.run.AttemptLog;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.Ending;
import com.cape.worker.run.RunFolder;
import com.cape.worker.run.RunOutput;
import com.cape.worker.run.StopReason;
import com.cape.worker.worker.Recovery.Adopted;
import com.cape.worker.worker.Settler.Next;
import com.cape.worker.worker.state.Attempt;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the command for a claim and settles it. A claim that was not started is given back; a run
 * that was started is ended and settled, whatever goes wrong. Called by the slots.
 */
final class AttemptRunner {
  private static final Logger LOG = LoggerFactory.getLogger(AttemptRunner.class);
  // The exit codes of a shell that could not start its command.
  private static final int NOT_EXECUTABLE = 126;
  private static final int NOT_FOUND = 127;

  private final RunPlan plan;
  private final RunSpecs specs;
  private final CommandRunner commands;
  private final ClaimGate gate;
  private final Settler settler;

  AttemptRunner(
      RunPlan plan, RunSpecs specs, CommandRunner commands, ClaimGate gate, Settler settler) {
    this.plan = plan;
    this.specs = specs;
    this.commands = commands;
    this.gate = gate;
    this.settler = settler;
  }

  /** Runs and settles the attempt; returns the one that was claimed with the settle. */
  Next run(Attempt attempt) throws InterruptedException {
    LogFacts.begin(attempt.claim());
    try {
      if (attempt.stopAsked().isPresent()) {
        settler.giveBack(attempt, folder(attempt), "stopped before its command was started");
        return Next.UNKNOWN;
      }
      return start(attempt);
    } finally {
      LogFacts.end();
    }
  }

  private RunFolder folder(Attempt attempt) {
    return RunFolder.of(plan.runs(), attempt.claim());
  }

  private Next start(Attempt attempt) throws InterruptedException {
    Claim claim = attempt.claim();
    // The command may have been removed since the gate looked for it.
    Optional<Path> program = plan.check().found();
    if (program.isEmpty()) {
      return notStarted(attempt, plan.check().trouble().orElse("the command comes and goes"));
    }
    Next next = Next.UNKNOWN;
    try (AttemptLog log = AttemptLog.create(plan.issueLogs(), claim)) {
      RunFolder folder = RunFolder.create(plan.runs(), claim);
      long sinceNanos = System.nanoTime();
      CommandRunner.Run run =
          commands.start(
              specs.of(claim, program.get(), folder, log, attempt.renewed()),
              () -> gate.started(sinceNanos));
      attempt.running(run);
      LOG.info("workflow started log={}", log.path());
      next = settle(attempt, folder, log, program.get(), run.await());
    } catch (IOException e) {
      return notStarted(attempt, e.toString());
    } catch (RuntimeException | OutOfMemoryError e) {
      if (attempt.state().compareTo(Attempt.State.SETTLED) < 0) {
        return endAfter(attempt, e);
      }
      LOG.error("an error after the settle", e);
    }
    return next;
  }

  /** Waits for the end of a run that an earlier process has started, and settles it. */
  void finish(Adopted adopted) throws InterruptedException {
    Attempt attempt = adopted.attempt();
    LogFacts.begin(attempt.claim());
    Optional<AttemptLog> log = adopted.run().log();
    try {
      Ending ending = adopted.run().await();
      ended(attempt, ending);
      if (ending.notStarted()) {
        settler.giveBack(attempt, adopted.folder(), "its command was not started");
      } else {
        settler.settleAlone(
            attempt, adopted.folder(), ending, log.map(AttemptLog::output).orElse(RunOutput.NONE));
      }
    } catch (RuntimeException | OutOfMemoryError e) {
      if (attempt.state().compareTo(Attempt.State.SETTLED) >= 0) {
        throw e;
      }
      endAfter(attempt, e);
    } finally {
      log.ifPresent(AttemptLog::close);
      LogFacts.end();
    }
  }

  private static void ended(Attempt attempt, Ending ending) {
    attempt.ended();
    LOG.info(
        "workflow ended exit={} stopped={} ran_s={}",
        ending.exitCode().isPresent() ? ending.exitCode().getAsInt() : "unknown",
        ending.stopReason().map(StopReason::word).orElse("no"),
        ending.ran().toSeconds());
  }

  private Next settle(
      Attempt attempt, RunFolder folder, AttemptLog log, Path program, Ending ending)
      throws InterruptedException {
    ended(attempt, ending);
    Optional<String> cause = notStartedBecause(ending, program, log);
    return cause.isPresent()
        ? notStarted(attempt, cause.get())
        : settler.settle(attempt, folder, ending, log.output());
  }

  /** An error of ours, or no memory: whatever may have been started is ended, and settled. */
  private Next endAfter(Attempt attempt, Throwable error) throws InterruptedException {
    LOG.error("an error in an attempt; ending its run", error);
    Ending ending;
    try {
      ending = commands.recover(folder(attempt), plan.grace(), StopReason.WORKER_DIED);
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      // Its guardian ends the run before the lease expires. To give the issue back now could run it
      // twice.
      LOG.error("cannot make sure that nothing of a run is left; leaving it to its lease", e);
      attempt.close(Attempt.State.LOST);
      return Next.UNKNOWN;
    }
    attempt.ended();
    if (ending.exitCode().isPresent()) {
      RunOutput output = AttemptLog.output(plan.issueLogs(), attempt.claim());
      return settler.settle(attempt, folder(attempt), ending, output);
    }
    return notStarted(attempt, error.toString());
  }

  private Next notStarted(Attempt attempt, String cause) throws InterruptedException {
    settler.giveBack(attempt, folder(attempt), cause);
    gate.startFailed(cause);
    return Next.UNKNOWN;
  }

  private Optional<String> notStartedBecause(Ending ending, Path program, AttemptLog log) {
    CommandCheck check = plan.check();
    if (ending.notStarted()) {
      // A process that could not become the command has printed why.
      return check
          .trouble()
          .or(() -> log.tail().lines().reduce((before, last) -> last))
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
