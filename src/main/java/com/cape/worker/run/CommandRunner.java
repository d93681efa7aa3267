package com.cape.worker.run;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs each command under a small Perl guardian, in a process group of its own. A guardian is kept
 * for the next run, because its fork is faster than a process that the JVM starts. Safe for use by
 * several threads.
 *
 * <p>The words travel in a file and not in the guardian's arguments: the JVM would encode arguments
 * for the locale, which loses every character beyond ASCII where {@code LANG} is unset.
 *
 * <p>One thread, {@code cape-run-watch}, looks after the runs that live.
 */
public final class CommandRunner implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CommandRunner.class);
  private static final Duration KEPT_IDLE = Duration.ofMinutes(1);

  private final Path perl;
  private final GuardianScript script;
  private final ScheduledThreadPoolExecutor watch =
      new ScheduledThreadPoolExecutor(1, CommandRunner::thread);
  private final Deque<Guardian> idle = new ArrayDeque<>();
  private Future<?> retiring = CompletableFuture.completedFuture(null);
  private boolean closed;

  /**
   * @param withheld names of this process's variables that commands do not get
   */
  public CommandRunner(Path perl, Set<String> withheld) {
    this.perl = perl;
    this.script = new GuardianScript(perl, Set.copyOf(withheld));
    watch.setRemoveOnCancelPolicy(true);
    watch.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    // Later it might be impossible to start a thread.
    watch.prestartCoreThread();
  }

  private static Thread thread(Runnable work) {
    var thread = new Thread(work, "cape-run-watch");
    thread.setDaemon(true);
    return thread;
  }

  /** A command that was started. */
  public interface Run {
    /**
     * Waits until the command has ended and nothing that it started is left, stopping it at its
     * timeout and output limit. One thread calls this, once.
     */
    Ending await() throws InterruptedException;

    /** Ends the run with TERM, the grace, then KILL. Returns false if it was stopped before. */
    boolean stop(StopReason reason);

    /**
     * Lets the run go on until then, on the {@link LeaseClock}; does nothing once the deadline
     * before has passed. The guardian keeps the deadline even without this process. Any thread.
     */
    void extend(Duration deadline);
  }

  /** Starts a guardian for the next run, which takes time. */
  public void prepare() {
    try {
      release(new Guardian(script));
    } catch (IOException e) {
      LOG.debug("no guardian could be started ahead", e);
    }
  }

  /**
   * Starts a run. It may still turn out that the command's process cannot be started; then the run
   * ends as {@link StopReason#NOT_STARTED}.
   *
   * @param begun called once, within half a second after the command was started or at its end, by
   *     a thread that must not be held up
   * @throws IOException when nothing was started
   */
  public Run start(RunSpec spec, Runnable begun) throws IOException {
    spec.folder().specify(spec);
    for (Optional<Guardian> kept = kept(); kept.isPresent(); kept = kept()) {
      Optional<Run> run = begin(spec, begun, kept.get());
      if (run.isPresent()) {
        return run.get();
      }
    }
    return begin(spec, begun, new Guardian(script))
        .orElseThrow(() -> new IOException("the guardian ended at once"));
  }

  /** Begins a run; empty when the guardian was killed before. */
  private Optional<Run> begin(RunSpec spec, Runnable begun, Guardian guardian) {
    Optional<Long> number = guardian.begin(spec);
    if (number.isEmpty()) {
      guardian.close();
      return Optional.empty();
    }
    return Optional.of(
        new GuardedRun(spec, script, guardian, number.get(), watch, this::release, begun));
  }

  private synchronized Optional<Guardian> kept() {
    return Optional.ofNullable(idle.pollFirst());
  }

  private synchronized void release(Guardian guardian) {
    if (closed) {
      guardian.close();
      return;
    }
    idle.addFirst(guardian);
    if (idle.size() > 1 && retiring.isDone()) {
      retiring = watch.schedule(this::retire, KEPT_IDLE.toSeconds(), TimeUnit.SECONDS);
    }
  }

  /** Closes all idle guardians but one. */
  private synchronized void retire() {
    while (idle.size() > 1) {
      idle.removeLast().close();
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    idle.forEach(Guardian::close);
    idle.clear();
    watch.shutdown();
  }

  /** What prevents any run, whatever the command; empty when nothing does. */
  public Optional<String> trouble() {
    return Files.isExecutable(perl) ? Optional.empty() : Optional.of(perl + " is missing");
  }

  /** A run that lives without its worker; empty when there is none that can be adopted. */
  public Optional<AdoptedRun> kept(RunFolder folder) throws IOException {
    return folder.keptByGuardian().map(kept -> new AdoptedRun(folder, kept, this));
  }

  /** Whether a run may live on another machine or boot, or in another pid namespace. */
  public boolean isElsewhere(RunFolder folder) throws IOException {
    return folder.kept().isEmpty()
        && !folder.ofThisMachine()
        && folder.record().exitCode().isEmpty();
  }

  /**
   * Makes sure that nothing lives of a run whose worker has died, and returns how it ended.
   *
   * @param reason for the guardian, should it live
   * @throws IOException when its files cannot be read
   */
  public Ending recover(RunFolder folder, Duration grace, StopReason reason)
      throws IOException, InterruptedException {
    Optional<Ending> kept = folder.kept();
    if (kept.isPresent()) {
      return kept.get();
    }
    boolean mayHaveBegun = folder.recordIsDamaged();
    List<String> survivors = List.of();
    if (folder.ofThisMachine()) {
      orderStop(folder, reason);
      survivors = script.end(folder, grace, reason).survivors();
    }
    Report record = folder.record();
    // Asked again: it may have begun until --end was there.
    mayHaveBegun |= record.noted();
    Optional<StopReason> stop = record.stop();
    if (record.notStarted() || (record.exitCode().isEmpty() && !mayHaveBegun)) {
      stop = stop.filter(CommandRunner::isAsked).or(() -> Optional.of(StopReason.NOT_STARTED));
    }
    if (record.exitCode().isEmpty()) {
      stop = stop.or(() -> Optional.of(StopReason.WORKER_DIED));
    }
    return new Ending(record.exitCode(), stop, Duration.ZERO, 0, survivors);
  }

  /** Whether somebody wanted the stop, be it before the start. */
  private static boolean isAsked(StopReason reason) {
    return reason != StopReason.WORKER_DIED && reason != StopReason.LEASE_LOST;
  }

  /** A guardian that has kept the run ends it by itself, and knows all of its processes. */
  private static void orderStop(RunFolder folder, StopReason reason) {
    try {
      if (folder.exists()) {
        folder.orderStop(reason);
      }
    } catch (IOException e) {
      LOG.warn("cannot order a guardian to end its run run={}", folder.runId(), e);
    }
  }
}
