import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.IssueRepository;
import com.cape.worker.store.Settlement;
import com.cape.worker.store.WorkerIdentity;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Scanner;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Claims and settles with the store classes of the JAR of 48e19fd: for each number of seconds on
 * standard input a line with the cycles a second. Arguments: URL, clients.
 */
final class OldCycles {
  private static final Settlement COMPLETED =
      new Settlement(
          Outcome.COMPLETED,
          IssueStatus.COMPLETED,
          Optional.empty(),
          true,
          Optional.of(0),
          Optional.empty(),
          Optional.empty(),
          "",
          Optional.empty());

  public static void main(String[] arguments) throws Exception {
    int clients = Integer.parseInt(arguments[1]);
    var identity = new WorkerIdentity(new WorkerId("bench"), UUID.randomUUID(), "localhost", 1);
    try (var database =
            Database.open(
                DatabaseUrl.parse(arguments[0]), "bench", clients + 1, Duration.ofSeconds(15));
        var lines = new Scanner(System.in)) {
      var issues = new IssueRepository(database);
      while (lines.hasNextInt()) {
        System.out.println(rate(issues, identity, clients, lines.nextInt()));
      }
    }
  }

  private static double rate(
      IssueRepository issues, WorkerIdentity identity, int clients, int seconds) throws Exception {
    long start = System.nanoTime();
    long end = start + seconds * 1_000_000_000L;
    ExecutorService executor = Executors.newFixedThreadPool(clients);
    List<Future<Long>> counts = new ArrayList<>();
    for (int i = 0; i < clients; i++) {
      counts.add(
          executor.submit(
              () -> {
                long count = 0;
                while (System.nanoTime() < end) {
                  var claim = issues.claimNext(identity, "logs/issues", Duration.ofSeconds(300));
                  issues.settle(claim.orElseThrow(), COMPLETED).orElseThrow();
                  count++;
                }
                return count;
              }));
    }
    executor.shutdown();
    long sum = 0;
    for (Future<Long> count : counts) {
      sum += count.get();
    }
    return sum * 1e9 / (System.nanoTime() - start);
  }
}
