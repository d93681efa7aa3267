package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.run.AttemptLog;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.Ending;
import com.cape.worker.run.RunFolder;
import java.io.IOException;
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

  private final RunPlan plan;
  private final CommandRunner commands;
  private final Claims claims;
  private final Settler settler;
  private final Executor executor;

  Recovery(
      RunPlan plan, CommandRunner commands, Claims claims, Settler settler, Executor executor) {
    this.plan = plan;
    this.commands = commands;
    this.claims = claims;
    this.settler = settler;
    this.executor = executor;
  }

  private record Ended(RunFolder run, Optional<Ending> ending) {}

  /**
   * Recovers.
   *
   * @param predecessor the instance that had the state directory before, as far as it is known
   */
  void run(Optional<UUID> predecessor) throws InterruptedException {
    List<RunFolder> left;
    try {
      left = RunFolder.left(plan.runs());
    } catch (IOException e) {
      LOG.error("cannot look for the runs of the predecessor; their leases will run out", e);
      return;
    }
    endAndSettle(left);
    if (predecessor.isPresent()) {
      endAndSettle(withoutFiles(predecessor.get()));
    }
  }

  private void endAndSettle(List<RunFolder> left) throws InterruptedException {
    // At once, each has a grace.
    List<CompletableFuture<Ended>> endings =
        left.stream().map(run -> CompletableFuture.supplyAsync(() -> end(run), executor)).toList();
    for (CompletableFuture<Ended> one : endings) {
      close(one.join());
    }
  }

  /** What was claimed and never came to a run, or deleted its files; that may well live. */
  private List<RunFolder> withoutFiles(UUID predecessor) throws InterruptedException {
    List<Claim> held = new ArrayList<>();
    settler.ask(() -> held.addAll(claims.heldBy(predecessor)));
    return held.stream()
        .map(claim -> RunFolder.of(plan.runs(), claim))
        .filter(folder -> !folder.exists())
        .toList();
  }

  /** Tells, too, why a run has no ending. */
  private Ended end(RunFolder run) {
    Optional<Ending> ending = Optional.empty();
    if (run.notStarted().isPresent()) {
      return new Ended(run, ending);
    }
    LogFacts.begin(run.claim());
    try {
      ending = commands.recover(run, plan.grace());
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
        ended.run().delete();
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
    return settler.settle(claim, ending, AttemptLog.tail(plan.issueLogs(), claim));
  }
}
