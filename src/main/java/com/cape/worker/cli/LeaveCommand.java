package com.cape.worker.cli;

import com.cape.worker.cli.console.DatabaseCommand;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.Watch;
import com.cape.worker.http.Times;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.queue.WorkerRepository;
import com.cape.worker.store.queue.WorkerRepository.DrainRequest;
import com.cape.worker.store.queue.WorkerRepository.Leave;
import com.cape.worker.text.PlainText;
import java.util.Optional;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Asks a worker, on whatever host, to leave. */
abstract class LeaveCommand extends DatabaseCommand {
  @Parameters(paramLabel = "WORKER_ID", description = "As 'status' shows it.")
  private WorkerId worker;

  @Option(
      names = "--wait",
      description =
          "Wait until the worker has left; after a hand-over, until its next process is there.")
  private boolean wait;

  abstract Leave how();

  /** What it does now, after its id. */
  abstract String answer();

  @Override
  protected final ExitCode run(Database open) {
    var workers = new WorkerRepository(open, "");
    DrainRequest request = workers.requestDrain(worker, how()).orElseThrow(() -> notAtWork(open));
    refuseWhenSilent(request);
    output.line(worker + answer());
    if (wait) {
      Watch.until(output, () -> left(workers, request));
      output.line(worker + " has left");
    }
    return ExitCode.DONE;
  }

  private Refusal notAtWork(Database open) {
    ScopeOption.checkKnown(worker, new PauseRepository(open));
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
