package com.cape.worker.worker;

import com.cape.worker.host.WorkerThread;
import com.cape.worker.issue.Claim;
import com.cape.worker.run.AdoptedRun;
import com.cape.worker.run.AttemptLog;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.Ending;
import com.cape.worker.run.RunFolder;
import com.cape.worker.run.RunOutput;
import com.cape.worker.run.StopReason;
import com.cape.worker.store.queue.AdoptionRepository.Owner;
import com.cape.worker.worker.TakeOver.Taken;
import com.cape.worker.worker.state.Attempt;
import com.cape.worker.worker.state.Attempts;
import com.cape.worker.worker.state.LeaseTimes;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.WorkerListener;
import com.cape.worker.worker.state.WorkerListener.Adoption;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes over what earlier processes in the same state directory left: adopts the runs that live,
 * ends those that cannot be adopted, settles what has ended, and gives the rest back. One thread
 * calls it, once, before the first claim; each run has a thread of its own, for an ending has a
 * grace and a row may be locked.
 */
final class Recovery {
  private static final Logger LOG = LoggerFactory.getLogger(Recovery.class);

  private final RunPlan plan;
  private final CommandRunner commands;
  private final TakeOver takeOver;
  private final Attempts attempts;
  private final LeaseTimes times;
  private final Settler settler;
  private final Listeners listeners;
  private final Set<AdoptedRun> waiting = ConcurrentHashMap.newKeySet();
  private final AtomicInteger left = new AtomicInteger(1);
  private volatile boolean incomplete;
  private volatile boolean interrupted;

  Recovery(
      RunPlan plan,
      CommandRunner commands,
      TakeOver takeOver,
      Attempts attempts,
      LeaseTimes times,
      Settler settler,
      Listeners listeners) {
    this.plan = plan;
    this.commands = commands;
    this.takeOver = takeOver;
    this.attempts = attempts;
    this.times = times;
    this.settler = settler;
    this.listeners = listeners;
  }

  /** An attempt whose run goes on; a slot waits for its end. */
  record Adopted(Attempt attempt, RunFolder folder, AdoptedRun run) {}

  /**
   * Returns once all is taken over, but for rows that somebody holds: they are tried again.
   *
   * @param onAdopted gets each run that goes on, in any thread
   */
  void run(Consumer<Adopted> onAdopted) throws InterruptedException {
    try {
      takeOverAll(RunFolder.left(plan.runs(), takeOver.instance()), onAdopted);
      if (!interrupted) {
        takeOverAll(withoutFolder(), onAdopted);
      }
    } catch (IOException e) {
      incomplete = true;
      LOG.error("cannot look for the runs of the predecessor; their leases will expire", e);
    }
    oneIsDone();
  }

  /** Stops the runs that are not adopted yet. */
  void interrupt() {
    interrupted = true;
    waiting.forEach(run -> run.stop(StopReason.INTERRUPTED));
  }

  /** The same, and waits until they are gone. */
  void end() throws InterruptedException {
    interrupt();
    for (AdoptedRun run : waiting) {
      run.await();
    }
  }

  /** What was claimed and never came to a run, or whose folder was deleted; that may well live. */
  private List<RunFolder> withoutFolder() throws InterruptedException {
    List<RunFolder> folders = new ArrayList<>();
    for (Claim claim : takeOver.heldByPredecessors()) {
      RunFolder folder = RunFolder.of(plan.runs(), claim.heldBy(takeOver.instance()));
      if (!folder.exists()) {
        folders.add(folder);
      }
    }
    return folders;
  }

  private void takeOverAll(List<RunFolder> folders, Consumer<Adopted> onAdopted)
      throws InterruptedException {
    List<CountDownLatch> answers = new ArrayList<>();
    for (RunFolder folder : folders) {
      var answered = new CountDownLatch(1);
      answers.add(answered);
      left.incrementAndGet();
      Runnable work =
          () -> {
            try {
              takeOver(folder, onAdopted, answered::countDown);
            } finally {
              answered.countDown();
              oneIsDone();
            }
          };
      try {
        WorkerThread.named("recovery", work).start();
      } catch (OutOfMemoryError e) { // No native thread (JDK: Thread.start).
        work.run();
      }
    }
    for (CountDownLatch answered : answers) {
      answered.await();
    }
  }

  private void oneIsDone() {
    if (left.decrementAndGet() == 0 && !incomplete) {
      listeners.announce(WorkerListener::recoveryOver);
    }
  }

  /** One folder's trouble stops no other. */
  private void takeOver(RunFolder folder, Consumer<Adopted> onAdopted, Runnable onLocked) {
    LogFacts.begin(folder.claim());
    try {
      takeOverNow(folder, onAdopted, onLocked);
    } catch (IOException | RuntimeException | OutOfMemoryError e) {
      incomplete = true;
      LOG.error("cannot recover a run; it is left to its lease", e);
      listeners.announce(listener -> listener.recovered(Adoption.UNREADABLE));
    } catch (InterruptedException e) {
      incomplete = true;
      Thread.currentThread().interrupt();
    } finally {
      LogFacts.end();
    }
  }

  private void takeOverNow(RunFolder folder, Consumer<Adopted> onAdopted, Runnable onLocked)
      throws IOException, InterruptedException {
    if (commands.isElsewhere(folder)) {
      LOG.warn("a run of another machine or boot is left to its lease");
      if (takeOver.isOver(folder)) {
        folder.delete();
      }
      return;
    }
    Optional<AdoptedRun> run = commands.kept(folder);
    run.ifPresent(waiting::add);
    if (interrupted) {
      interrupt();
    }
    Optional<Taken> taken = takeOver.ask(folder.runId(), run.isPresent(), onLocked);
    if (taken.isEmpty()) {
      incomplete = true;
      LOG.warn("a run could not be taken over; the next start of this worker settles it");
      return;
    }
    run.ifPresent(waiting::remove);
    if (taken.get().owner() == Owner.OTHER) {
      LOG.warn("a run is another process's by now; left to it");
      listeners.announce(listener -> listener.recovered(Adoption.LOST));
      return;
    }
    var attempt = new Attempt(folder.claim(), taken.get().sent());
    if (taken.get().owner() == Owner.THIS && run.isPresent()) {
      adopt(new Adopted(attempt, folder, run.get()), onAdopted);
    } else {
      endAndSettle(attempt, folder, taken.get().owner());
    }
  }

  private void adopt(Adopted adopted, Consumer<Adopted> onAdopted) {
    Attempt attempt = adopted.attempt();
    attempt.running(adopted.run());
    attempts.add(attempt);
    adopted.run().extend(times.deadline(attempt.renewed()));
    if (interrupted) {
      attempt.stop(StopReason.INTERRUPTED);
    }
    LOG.info("adopted a run of the predecessor");
    listeners.announce(listener -> listener.recovered(Adoption.ADOPTED));
    onAdopted.accept(adopted);
  }

  private void endAndSettle(Attempt attempt, RunFolder folder, Owner owner)
      throws IOException, InterruptedException {
    boolean hadFolder = folder.exists();
    boolean lost = owner == Owner.NOBODY;
    StopReason reason = lost ? StopReason.LEASE_LOST : StopReason.WORKER_DIED;
    Ending ending = commands.recover(folder, folder.grace().orElse(plan.grace()), reason);
    listeners.announce(listener -> listener.recovered(lost ? Adoption.LOST : Adoption.ENDED));
    attempt.ended();
    Optional<String> notStarted = folder.notStarted();
    RunOutput output = AttemptLog.output(plan.issueLogs(), folder.claim());
    // A run that has printed something has deleted its folder.
    boolean mayHaveRun = !hadFolder && !output.tail().isEmpty();
    if (notStarted.isPresent() || (ending.notStarted() && !mayHaveRun)) {
      String cause = notStarted.orElse("the worker was gone before the command was started");
      LOG.warn("the predecessor could not start a run cause={}", cause);
      settler.giveBack(attempt, folder, cause);
      return;
    }
    LOG.warn(
        "recovered a run of the predecessor exit={}",
        ending.exitCode().isPresent() ? ending.exitCode().getAsInt() : "unknown");
    settler.settleAlone(attempt, folder, mayHaveRun ? ending.asLost() : ending, output);
  }
}
