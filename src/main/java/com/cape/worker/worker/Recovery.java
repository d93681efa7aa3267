package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.Ending;
import com.cape.worker.run.RunDirectories;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Settles what a predecessor in the same state directory left: ends what may still live of its
 * runs, takes the results that its guardians recorded, and gives the rest back. One thread calls
 * it, once, before the first claim.
 */
final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

  private final RunDirectories directories;
  private final RunFiles files;
  private final CommandRunner commands;
  private final Claims claims;
  private final Settler settler;
  private final Duration grace;
  private final Executor executor;

  /**
   * For one worker.
   *
   * @param grace of each run that still lives
   */
  Recovery(
      RunDirectories directories,
      RunFiles files,
      CommandRunner commands,
      Claims claims,
      Settler settler,
      Duration grace,
      Executor executor) {
    this.directories = directories;
    this.files = files;
    this.commands = commands;
    this.claims = claims;
    this.settler = settler;
    this.grace = grace;
    this.executor = executor;
  }

  private record Ended(RunDirectories.Left run, Optional<Ending> ending) {}

  /**
   * Recovers.
   *
   * @param predecessor the instance that had the state directory before, as far as it is known
   */
  void run(Optional<UUID> predecessor) throws InterruptedException {
    List<RunDirectories.Left> left;
    try {
      left = directories.left();
    } catch (IOException e) {
      LOG.error("cannot look for the runs of the predecessor; their leases will run out", e);
      return;
    }
    endAndSettle(left);
    if (predecessor.isPresent()) {
      endAndSettle(withoutFiles(predecessor.get()));
    }
  }

  private void endAndSettle(List<RunDirectories.Left> left) throws InterruptedException {
    // At once, each has a grace.
    List<CompletableFuture<Ended>> endings =
        left.stream().map(run -> CompletableFuture.supplyAsync(() -> end(run), executor)).toList();
    for (CompletableFuture<Ended> one : endings) {
      close(one.join());
    }
  }

  /** What was claimed and never came to a run, or deleted its files; that may well live. */
  private List<RunDirectories.Left> withoutFiles(UUID predecessor) throws InterruptedException {
    List<Claim> held = new ArrayList<>();
    settler.ask(() -> held.addAll(claims.heldBy(predecessor)));
    return held.stream()
        .filter(claim -> Files.notExists(directories.of(claim)))
        .map(claim -> new RunDirectories.Left(directories.of(claim), claim, Optional.empty()))
        .toList();
  }

  /** Tells, too, why a run has no ending. */
  private Ended end(RunDirectories.Left run) {
    Optional<Ending> ending = Optional.empty();
    if (run.notStarted().isPresent()) {
      return new Ended(run, ending);
    }
    LogFacts.begin(run.claim());
    try {
      ending = commands.recover(run.directory(), run.claim().runId(), grace);
      if (ending.isEmpty()) {
        LOG.warn("a run of another machine or boot is left to its lease");
      }
    } catch (IOException | RuntimeException e) {
      LOG.error("cannot recover a run; it is left to its lease", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      LogFacts.end();
    }
    return new Ended(run, ending);
  }

  private void close(Ended ended) throws InterruptedException {
    LogFacts.begin(ended.run().claim());
    try {
      if (over(ended)) {
        RunDirectories.delete(ended.run().directory());
      }
    } finally {
      LogFacts.end();
    }
  }

  /** Settles the run; false while its files are still needed. */
  private boolean over(Ended ended) throws InterruptedException {
    Claim claim = ended.run().claim();
    if (ended.run().notStarted().isPresent()) {
      String cause = ended.run().notStarted().get();
      LOG.warn("the predecessor could not start a run cause={}", cause);
      return settler.settle(claim, () -> EndingRules.notStarted(claim, cause), Settler.KEPT);
    }
    if (ended.ending().isEmpty()) {
      return settler.settledByOthers(claim);
    }
    Ending ending = ended.ending().get();
    LOG.warn(
        "recovered a run of the predecessor exit={}",
        ending.exitCode().isPresent() ? ending.exitCode().getAsInt() : "unknown");
    return settler.settle(claim, ending, files.tail(files.log(claim)));
  }
}
