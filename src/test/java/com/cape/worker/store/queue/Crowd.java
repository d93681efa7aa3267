package com.cape.worker.store.queue;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.store.Database;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Claimers that begin together and claim and settle until nothing is due. */
final class Crowd {
  private final IssueRepository issues;
  private final int claimers;

  Crowd(Database database, int claimers) {
    this.issues = new IssueRepository(database);
    this.claimers = claimers;
  }

  /** A claim, and when it was asked for and had. */
  record Taken(long issueId, long askedNanos, long hadNanos) {}

  /** What was claimed, by all of them. */
  record Result(List<Taken> claims, Duration took) {}

  Result claimAndSettleAll() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(claimers);
    try {
      var together = new CyclicBarrier(claimers);
      Callable<List<Taken>> claimer =
          () -> {
            WorkerIdentity worker =
                RepositoryFixture.worker("claimer-" + Thread.currentThread().getId());
            together.await();
            return claimAndSettle(worker);
          };
      long start = System.nanoTime();
      List<Taken> all = new ArrayList<>();
      for (Future<List<Taken>> own : threads.invokeAll(Collections.nCopies(claimers, claimer))) {
        all.addAll(own.get());
      }
      return new Result(all, Duration.ofNanos(System.nanoTime() - start));
    } finally {
      threads.shutdownNow();
    }
  }

  private List<Taken> claimAndSettle(WorkerIdentity worker) {
    List<Taken> own = new ArrayList<>();
    while (true) {
      long asked = System.nanoTime();
      Optional<Claim> claim = RepositoryFixture.claim(issues, worker);
      if (claim.isEmpty()) {
        return own;
      }
      own.add(new Taken(claim.get().issueId(), asked, System.nanoTime()));
      assertTrue(issues.settle(claim.get(), RepositoryFixture.completed()).isPresent());
    }
  }
}
