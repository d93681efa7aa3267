package com.cape.worker.cli;

import com.cape.worker.store.queue.WorkerRepository.Leave;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

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
public final class DrainCommand extends LeaveCommand {
  @Option(
      names = "--restart",
      description = "The worker leaves with 75, so that its service manager starts it again.")
  private boolean restart;

  @Override
  Leave how() {
    return restart ? Leave.DRAIN_AND_RESTART : Leave.DRAIN;
  }

  @Override
  String answer() {
    return " drains: it claims no more, and leaves when what it runs has ended";
  }
}
