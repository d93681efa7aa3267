package com.cape.worker.cli;

import com.cape.worker.cli.console.DatabaseCommand;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.Watch;
import com.cape.worker.http.Times;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.queue.PauseRepository;
import com.cape.worker.store.queue.WorkerRepository;
import com.cape.worker.store.queue.WorkerRepository.DrainRequest;
import com.cape.worker.text.PlainText;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    description = {
      "Stops a worker, on whatever host, without hurting a run: it claims no more, and leaves when"
          + " what it runs has ended, however long that takes.",
      "Only the worker that has the id now is asked; one that is started later works as ever. Asked"
          + " again with or without --restart, the last word holds."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker drain alleycat-1 --wait",
      "  cape-worker drain alleycat-1 --restart"
    })
public final class DrainCommand extends DatabaseCommand {
  @Parameters(paramLabel = "WORKER_ID", description = "As 'status' shows it.")
  private WorkerId worker;

  @Option(
      names = "--restart",
      description = "The worker leaves with 75, so that its service manager starts it again.")
  private boolean restart;

  @Option(names = "--wait", description = "Wait until the worker has left.")
  private boolean wait;

  @Override
  protected ExitCode run(Database open) {
    var workers = new WorkerRepository(open, "");
    DrainRequest request = workers.requestDrain(worker, restart).orElseThrow(() -> notAtWork(open));
    refuseWhenSilent(request);
    output.line(worker + " drains: it claims no more, and leaves when what it runs has ended");
    if (wait) {
      Watch.until(output, () -> left(workers, request));
      output.line(worker + " has left");
    }
    return ExitCode.DONE;
  }

  private Refusal notAtWork(Database open) {
    WorkerOption.checkKnown(worker, new PauseRepository(open));
    return new Refusal("worker %s has stopped already".formatted(worker));
  }

  private Optional<DrainRequest> left(WorkerRepository workers, DrainRequest request) {
    Optional<DrainRequest> now = workers.stillHere(request.worker());
    now.ifPresent(this::refuseWhenSilent);
    return now.isEmpty() ? Optional.of(request) : Optional.empty();
  }

  private void refuseWhenSilent(DrainRequest request) {
    if (!request.alive()) {
      throw new Refusal(
          "worker %s was asked, but has sent no heartbeat for %s: it may be dead; look at pid %d on %s"
              .formatted(
                  worker,
                  Times.brief(request.silent()),
                  request.worker().pid(),
                  PlainText.line(request.worker().host())));
    }
  }
}
