package com.cape.worker.run;

import com.cape.worker.host.OwnProgram;
import java.io.IOException;
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
 * for the next run: that one starts without a process from the JVM, which takes longer than the
 * guardian's fork.
 *
 * <p>The words travel in a file and not in the guardian's arguments: the JVM would encode arguments
 * for the locale, which loses every character beyond ASCII where {@code LANG} is unset.
 *
 * <p>It has one thread, {@code cape-run-watch}, which looks after the runs that live.
 */
public final class ProcessCommandRunner implements CommandRunner, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ProcessCommandRunner.class);
  private static final Duration KEPT_IDLE = Duration.ofMinutes(1);

  private final GuardianScript script;
  private final ScheduledThreadPoolExecutor watch =
      new ScheduledThreadPoolExecutor(1, ProcessCommandRunner::thread);
  private final Deque<Guardian> idle = new ArrayDeque<>();
  private Future<?> retiring = CompletableFuture.completedFuture(null);
  private boolean closed;

  /**
   * A runner without a guardian; {@link #prepare} starts one ahead.
   *
   * @param withheld names of this process's variables that commands do not get
   */
  public ProcessCommandRunner(Path perl, Set<String> withheld) {
    this.script = new GuardianScript(perl, Set.copyOf(withheld));
    watch.setRemoveOnCancelPolicy(true);
    watch.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    // Later there may be no thread to be had.
    watch.prestartCoreThread();
  }

  private static Thread thread(Runnable work) {
    var thread = new Thread(work, "cape-run-watch");
    thread.setDaemon(true);
    return thread;
  }

  @Override
  public void prepare() {
    try {
      release(new Guardian(script));
    } catch (IOException e) {
      LOG.debug("no guardian could be started ahead", e);
    }
  }

  @Override
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

  /** Closes the guardians that were not needed for a while, but for one. */
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

  @Override
  public Optional<String> trouble() {
    return script.canStart() ? Optional.empty() : Optional.of(script.perl() + " is missing");
  }

  @Override
  public boolean jdkReplaced() {
    return OwnProgram.jdkReplaced();
  }

  @Override
  public Optional<Ending> recover(RunFolder folder, Duration grace)
      throws IOException, InterruptedException {
    Optional<Ending> kept = folder.kept();
    if (kept.isPresent()) {
      return kept;
    }
    List<String> survivors = List.of();
    if (folder.ofThisMachine()) {
      survivors = script.end(folder, grace, StopReason.WORKER_DIED).survivors();
    } else if (folder.record().exitCode().isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(recorded(folder.record(), survivors));
  }

  private static Ending recorded(Report record, List<String> survivors) {
    Optional<StopReason> reason = record.stop();
    if (record.notStarted()) {
      reason = reason.or(() -> Optional.of(StopReason.NOT_STARTED));
    }
    if (record.exitCode().isEmpty()) {
      reason = reason.or(() -> Optional.of(StopReason.WORKER_DIED));
    }
    return new Ending(record.exitCode(), reason, Duration.ZERO, 0, survivors);
  }
}
