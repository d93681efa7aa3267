package com.cape.worker.cli;

import com.cape.worker.store.queue.WorkerRepository.Leave;
import picocli.CommandLine.Command;

@Command(
    description = {
      "Restarts a worker, on whatever host, within seconds: it leaves with 75, its service manager"
          + " starts it again, and the new process goes on with what was running.",
      "A worker with --on-worker-death end, or of an earlier version, drains instead: it leaves when"
          + " what it runs has ended."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker restart alleycat-1",
      "  cape-worker restart alleycat-1 --wait"
    })
public final class RestartCommand extends LeaveCommand {
  @Override
  Leave how() {
    return Leave.HAND_OVER;
  }

  @Override
  String answer() {
    return " restarts: it claims no more, and leaves its runs to its next process";
  }
}
