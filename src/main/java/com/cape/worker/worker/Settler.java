package com.cape.worker.worker;

import com.cape.worker.issue.Claim;
import com.cape.worker.run.Ending;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.IssueRepository;
import com.cape.worker.store.queue.Settled;
import com.cape.worker.store.queue.Settlement;
import com.cape.worker.worker.WorkerListener.Write;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes how attempts ended, and does not let go of one until the database has taken it. What the
 * database does not take within a second is put on the disk first, in case that this process does
 * not live to see the database come back. Safe for use by several threads; has one of its own.
 */
final class Settler implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Settler.class);
  // For a database that is away while the worker is to stop at once.
  private static final Duration LAST_TRIES = Duration.ofSeconds(30);
  private static final Duration UNTIL_KEPT = Duration.ofSeconds(1);
  private static final Duration KEEPING_INTERVAL = Duration.ofMillis(200);
  private static final Duration AFTER_AN_ERROR = Duration.ofSeconds(2);

  /** For what is on the disk already. */
  static final Keeping KEPT = () -> {};

  private final IssueRepository issues;
  private final EndingRules rules;
  private final Outage outage;
  private final Drain drain;
  private final Listeners listeners;
  private final AtomicInteger unsettled = new AtomicInteger();
  private final ScheduledThreadPoolExecutor keeper =
      new ScheduledThreadPoolExecutor(1, Settler::keeperThread);

  /** For one worker. */
  Settler(
      IssueRepository issues, EndingRules rules, Outage outage, Drain drain, Listeners listeners) {
    this.issues = issues;
    this.rules = rules;
    this.outage = outage;
    this.drain = drain;
    this.listeners = listeners;
    keeper.setRemoveOnCancelPolicy(true);
    // Later there may be no thread to be had.
    keeper.prestartCoreThread();
  }

  private static Thread keeperThread(Runnable work) {
    Thread thread = WorkerThread.named("result-keeper", work);
    thread.setDaemon(true);
    return thread;
  }

  /** Puts a result on the disk, for a successor. */
  interface Keeping {
    void keep() throws IOException;
  }

  /** How many results the database never took. */
  int unsettled() {
    return unsettled.get();
  }

  /**
   * Settles the claim; while the database is away, tries again until it is back. A result that the
   * contract does not take any more is dropped, with a line in the log.
   *
   * @param settlement asked anew for each try; may read the database
   * @param keeping called, at most once, before the database is asked a second time or has taken a
   *     second to answer
   * @return false when the database never took it
   */
  boolean settle(Claim claim, Supplier<Settlement> settlement, Keeping keeping)
      throws InterruptedException {
    return settle(
        claim, settlement, decided -> issues.settle(claim, decided), keeping, Duration.ZERO);
  }

  /**
   * The same for a run of a predecessor, by the rules.
   *
   * @param tail the end of its output
   */
  boolean settle(Claim claim, Ending ending, String tail) throws InterruptedException {
    return settle(claim, ending, tail, decided -> issues.settle(claim, decided), KEPT);
  }

  /**
   * The same for a run, where the database is asked for something else in the same go.
   *
   * @param writing writes the settlement; asked anew for each try
   */
  boolean settle(
      Claim claim,
      Ending ending,
      String tail,
      Function<Settlement, Optional<Settled>> writing,
      Keeping keeping)
      throws InterruptedException {
    tellSurvivors(ending);
    return settle(
        claim,
        () -> rules.settle(claim, ending, () -> issues.throttledInARow(claim.issueId()), tail),
        writing,
        keeping,
        ending.ran());
  }

  private void tellSurvivors(Ending ending) {
    ending
        .survivors()
        .forEach(left -> LOG.error("could not end a process of the run process={}", left));
    int left = ending.survivors().size();
    if (ending.outlived() + left > 0) {
      listeners.announce(listener -> listener.outlived(ending.outlived(), left));
    }
  }

  private boolean settle(
      Claim claim,
      Supplier<Settlement> deciding,
      Function<Settlement, Optional<Settled>> writing,
      Keeping keeping,
      Duration ran)
      throws InterruptedException {
    var result = new Result(keeping);
    long millis = KEEPING_INTERVAL.toMillis();
    Future<?> late =
        keeper.scheduleWithFixedDelay(result::keepIfLate, millis, millis, TimeUnit.MILLISECONDS);
    try {
      return insist(
          "settle " + claim.runId(),
          () -> {
            Settlement settlement = deciding.get();
            Optional<Settled> settled = writing.apply(settlement);
            boolean tried = result.tries() > 1;
            log(settlement, settled, tried);
            boolean written = settled.isPresent() || (tried && wrote(claim, settlement));
            tell(settlement, written, ran);
          },
          result);
    } finally {
      late.cancel(false);
      result.done();
    }
  }

  /**
   * Whether an earlier try was taken, and only its answer lost. Never throws: another try would
   * claim anew what this one may have claimed.
   */
  private boolean wrote(Claim claim, Settlement settlement) {
    try {
      return issues.outcome(claim.runId()).equals(Optional.of(settlement.outcome()));
    } catch (StoreException e) {
      LOG.debug("cannot ask whether an earlier try was taken", e);
      return true;
    }
  }

  private void tell(Settlement settlement, boolean written, Duration ran) {
    listeners.announce(
        listener -> {
          if (written) {
            listener.settled(settlement.outcome(), ran);
          } else {
            listener.fenced(Write.SETTLE);
          }
        });
  }

  /** Whether nobody has to settle the run any more; false, too, when the database never said. */
  boolean settledByOthers(Claim claim) throws InterruptedException {
    var running = new AtomicBoolean(true);
    ask(() -> running.set(issues.running(claim.runId())));
    return !running.get();
  }

  /** Asks the database until it answers; false when it never did. */
  boolean ask(Runnable question) throws InterruptedException {
    return insist("recovery", question, new Result(KEPT));
  }

  private boolean insist(String party, Runnable question, Result result)
      throws InterruptedException {
    long hurriedNanos = 0;
    while (true) {
      try {
        result.tries++;
        question.run();
        outage.over(party);
        return true;
      } catch (OutOfMemoryError e) { // The pool may lack a thread.
        result.keep();
        LOG.error("cannot ask the database; trying again", e);
        drain.await(AFTER_AN_ERROR);
      } catch (StoreException e) {
        result.keep();
        Duration wait = outage.failed(party, e);
        if (drain.stage() == Drain.Stage.INTERRUPTING) {
          hurriedNanos = hurriedNanos == 0 ? System.nanoTime() : hurriedNanos;
          if (System.nanoTime() - hurriedNanos > LAST_TRIES.toNanos()) {
            LOG.error("result not recorded; it stays on disk for the next start of this worker", e);
            unsettled.incrementAndGet();
            outage.over(party);
            return false;
          }
        }
        drain.await(wait);
      }
    }
  }

  /** A result that may have to be put on the disk, once. */
  private static final class Result {
    private final Keeping keeping;
    private final long sinceNanos = System.nanoTime();
    private boolean kept;
    private int tries;

    Result(Keeping keeping) {
      this.keeping = keeping;
    }

    int tries() {
      return tries;
    }

    void keepIfLate() {
      Duration waited = Duration.ofNanos(System.nanoTime() - sinceNanos);
      if (waited.plus(KEEPING_INTERVAL).compareTo(UNTIL_KEPT) >= 0) {
        keep();
      }
    }

    /** Keeps it no more: its files may go. Waits for a keep under way. */
    synchronized void done() {
      kept = true;
    }

    synchronized void keep() {
      if (kept) {
        return;
      }
      kept = true;
      try {
        keeping.keep();
      } catch (IOException e) {
        LOG.warn("cannot keep a result on disk cause={}", e.toString());
      }
    }
  }

  private static void log(Settlement settlement, Optional<Settled> settled, boolean tried) {
    if (settled.isEmpty() && tried) {
      LOG.warn(
          "nothing written: an earlier try was taken, or the lease is lost outcome={}",
          settlement.outcome().word());
      return;
    }
    if (settled.isEmpty()) {
      LOG.warn("lease lost, nothing written outcome={}", settlement.outcome().word());
      return;
    }
    if (settled.get().status().isEmpty()) {
      LOG.warn(
          "issue deleted or claimed again, attempt closed alone outcome={}",
          settlement.outcome().word());
      return;
    }
    switch (settled.get().status().get()) {
      case COMPLETED -> LOG.info("issue completed");
      case CANCELLED -> LOG.info("issue cancelled");
      case FAILED -> LOG.error("issue failed cause={}", firstLine(settlement));
      case PENDING ->
          LOG.warn(
              "issue pending again backoff_s={} cause={}",
              settlement.backoff().map(Duration::toMillis).orElse(0L) / 1000.0,
              firstLine(settlement));
      case STARTED -> throw new IllegalStateException("a settled issue is not started");
    }
  }

  private static String firstLine(Settlement settlement) {
    return settlement.error().flatMap(text -> text.lines().findFirst()).orElse("none");
  }

  @Override
  public void close() {
    keeper.shutdownNow();
  }
}
