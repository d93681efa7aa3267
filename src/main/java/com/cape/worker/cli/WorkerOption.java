package com.cape.worker.cli;

import com.cape.worker.cli.console.Words;
import com.cape.worker.issue.WorkerId;
import java.util.Optional;
import picocli.CommandLine.Option;

/** One worker instead of the fleet. */
final class WorkerOption {
  @Option(
      names = "--worker",
      paramLabel = "ID",
      converter = Words.Worker.class,
      description = "Only that one.")
  private Optional<WorkerId> id = Optional.empty();

  Optional<WorkerId> id() {
    return id;
  }
}
