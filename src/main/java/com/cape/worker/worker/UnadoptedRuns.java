package com.cape.worker.worker;

import com.cape.worker.run.AdoptedRun;
import com.cape.worker.run.CommandRunner;
import com.cape.worker.run.RunFolder;
import com.cape.worker.run.StopReason;
import com.cape.worker.worker.state.Drain;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The runs of an earlier process, for a worker that is stopped before the database has let it adopt
 * them: they end as at any stop. The next process of the worker settles what they record.
 */
public final class UnadoptedRuns {
  private static final Logger LOG = LoggerFactory.getLogger(UnadoptedRuns.class);
  // They are not adopted.
  private static final UUID NOBODY = new UUID(0, 0);
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(200);

  private UnadoptedRuns() {}

  /**
   * Waits until they have ended; after the drain timeout, or a second signal, ends them.
   *
   * @param onTurn called at least four times a second while they may end
   */
  public static void end(
      RunPlan plan, CommandRunner commands, Drain drain, Duration drainTimeout, Runnable onTurn)
      throws InterruptedException, IOException {
    List<AdoptedRun> live = new ArrayList<>();
    for (RunFolder folder : RunFolder.left(plan.runs(), NOBODY)) {
      try {
        commands.kept(folder).ifPresent(live::add);
      } catch (IOException e) {
        LOG.error("cannot read a run's folder; its guardian ends it folder={}", folder.path(), e);
      }
    }
    if (!live.isEmpty()) {
      LOG.info("waiting for runs of the predecessor runs={}", live.size());
    }
    long endNanos = System.nanoTime() + drainTimeout.toNanos();
    while (live.stream().anyMatch(AdoptedRun::isAlive)
        && drain.stage() != Drain.Stage.INTERRUPTING
        && System.nanoTime() - endNanos < 0) {
      onTurn.run();
      drain.await(BETWEEN_LOOKS);
    }
    live.removeIf(run -> !run.isAlive());
    live.forEach(run -> run.stop(StopReason.INTERRUPTED));
    for (AdoptedRun run : live) {
      onTurn.run();
      try {
        run.await();
      } catch (UncheckedIOException e) {
        LOG.error("cannot make sure that nothing of a run is left", e);
      }
    }
  }
}
