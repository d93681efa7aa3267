package com.cape.worker.cli;

import com.cape.worker.config.ConfigException;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.DrainRequest;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.WorkerRepository;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code cape-worker drain WORKER_ID}. */
@Command(
    name = "drain",
    mixinStandardHelpOptions = true,
    description = {
      "Stops a worker, on whatever host, without hurting a run: it claims no more, and leaves when"
          + " what it runs has ended, however long that takes.",
      "Only the worker that has the id now is asked; one that is started later works as ever."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker drain alleycat-1 --wait",
      "  cape-worker drain alleycat-1 --restart"
    })
public final class DrainCommand implements Callable<Integer> {
  private static final Duration STATEMENT_LIMIT = Duration.ofSeconds(5);
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(500);
  private static final Duration LONGEST_SILENCE = Duration.ofMinutes(10);

  @Mixin private DatabaseOptions database;

  @Parameters(paramLabel = "WORKER_ID", description = "As 'cape_workers' has it.")
  private String workerId;

  @Option(
      names = "--restart",
      description = "The worker leaves with 75, so that its service manager starts it again.")
  private boolean restart;

  @Option(names = "--wait", description = "Wait until the worker has left.")
  private boolean wait;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws ConfigException, InterruptedException {
    WorkerId worker = worker();
    WorkerConfig.Connection connection = database.connection();
    try (var open = Database.single(connection.url(), "cape-worker command", STATEMENT_LIMIT)) {
      drain(worker, new WorkerRepository(open, ""));
      return ExitCode.DONE.number();
    } catch (StoreException e) {
      throw Refusal.ofCommand(e, connection.origin());
    }
  }

  private WorkerId worker() {
    try {
      return new WorkerId(workerId);
    } catch (IllegalArgumentException e) {
      throw new CommandLine.ParameterException(spec.commandLine(), e.getMessage());
    }
  }

  private void drain(WorkerId worker, WorkerRepository workers) throws InterruptedException {
    Optional<DrainRequest> request = workers.requestDrain(worker, restart);
    if (request.isEmpty()) {
      throw new Refusal(
          ExitCode.FAILED, "no worker %s is at work; cape_workers lists them".formatted(worker));
    }
    if (request.get().silent().compareTo(LONGEST_SILENCE) > 0) {
      throw new Refusal(
          ExitCode.FAILED,
          "worker %s was asked, but has told nothing for %d min: it may be dead; look at pid %d on %s"
              .formatted(
                  worker,
                  request.get().silent().toMinutes(),
                  request.get().worker().pid(),
                  request.get().worker().host()));
    }
    say("%s drains: it claims no more, and leaves when what it runs has ended", worker);
    if (wait) {
      while (!workers.hasLeft(request.get().worker())) {
        Thread.sleep(BETWEEN_LOOKS.toMillis());
      }
      say("%s has left", worker);
    }
  }

  private void say(String format, Object... facts) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(format.formatted(facts));
    out.flush();
  }
}
