package com.cape.worker.worker;

import com.cape.worker.host.WorkerThread;
import com.cape.worker.issue.Claim;
import com.cape.worker.run.AttemptLog;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.Ending;
import com.cape.worker.run.LeaseClock;
import com.cape.worker.run.RunFolder;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.worker.state.Attempt;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Settles what a predecessor in the same state directory left: ends what may still live of its
 * runs, takes the results that its guardians recorded, and gives the rest back. One thread calls
 * it, once, before the first claim.
 */
final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

  private final WorkerIdentity identity;
  private final RunPlan plan;
  private final CommandRunner commands;
  private final IssueRepository issues;
  private final Settler settler;
  private final StoreRetry retry;

  Recovery(
      WorkerIdentity identity,
      RunPlan plan,
      CommandRunner commands,
      IssueRepository issues,
      Settler settler,
      StoreRetry retry) {
    this.identity = identity;
    this.plan = plan;
    this.commands = commands;
    this.issues = issues;
    this.settler = settler;
    this.retry = retry;
  }

  /**
   * Recovers.
   *
   * @param predecessor the instance that had the state directory before, as far as it is known
   */
  void run(Optional<UUID> predecessor) throws InterruptedException {
    try {
      endAndSettle(RunFolder.left(plan.runs()));
    } catch (IOException e) {
      LOG.error("cannot look for the runs of the predecessor; their leases will expire", e);
      return;
    }
    if (predecessor.isPresent()) {
      endAndSettle(withoutFolder(predecessor.get()));
    }
  }

  private record Ended(RunFolder folder, Optional<Ending> ending) {}

  private void endAndSettle(List<RunFolder> left) throws InterruptedException {
    ExecutorService executor =
        Executors.newCachedThreadPool(work -> WorkerThread.named("recovery", work));
    try {
      // All at once: each has a grace.
      List<CompletableFuture<Ended>> endings =
          left.stream()
              .map(folder -> CompletableFuture.supplyAsync(() -> end(folder), executor))
              .toList();
      for (CompletableFuture<Ended> one : endings) {
        settle(one.join());
      }
    } finally {
      executor.shutdown();
    }
  }

  /** What was claimed and never came to a run, or whose folder was deleted; that may well live. */
  private List<RunFolder> withoutFolder(UUID predecessor) throws InterruptedException {
    List<Claim> held = new ArrayList<>();
    retry.ask(
        "recovery", () -> held.addAll(issues.heldBy(identity.id(), predecessor)), held::clear);
    return held.stream()
        .map(claim -> RunFolder.of(plan.runs(), claim))
        .filter(folder -> !folder.exists())
        .toList();
  }

  private Ended end(RunFolder folder) {
    Optional<Ending> ending = Optional.empty();
    LogFacts.begin(folder.claim());
    try {
      ending = commands.recover(folder, plan.grace());
      if (ending.isEmpty()) {
        LOG.warn("a run of another machine or boot is left to its lease");
      }
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      LOG.error("cannot recover a run; it is left to its lease", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      LogFacts.end();
    }
    return new Ended(folder, ending);
  }

  private void settle(Ended ended) throws InterruptedException {
    RunFolder folder = ended.folder();
    LogFacts.begin(folder.claim());
    try {
      var attempt = new Attempt(folder.claim(), LeaseClock.now());
      attempt.ended();
      if (ended.ending().isPresent() && folder.notStarted().isPresent()) {
        String cause = folder.notStarted().get();
        LOG.warn("the predecessor could not start a run cause={}", cause);
        settler.giveBack(attempt, folder, cause);
      } else if (ended.ending().isEmpty()) {
        deleteOnceSettledByOthers(folder);
      } else {
        Ending ending = ended.ending().get();
        LOG.warn(
            "recovered a run of the predecessor exit={}",
            ending.exitCode().isPresent() ? ending.exitCode().getAsInt() : "unknown");
        settler.settleAlone(
            attempt, folder, ending, AttemptLog.tail(plan.issueLogs(), folder.claim()));
      }
    } finally {
      LogFacts.end();
    }
  }

  private void deleteOnceSettledByOthers(RunFolder folder) throws InterruptedException {
    retry.ask(
        "recovery",
        () -> {
          if (!issues.running(folder.runId())) {
            folder.delete();
          }
        },
        () -> {});
  }
}
