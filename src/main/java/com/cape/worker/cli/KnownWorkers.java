package com.cape.worker.cli;

import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.NearMiss;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.queue.PauseRepository;
import java.util.List;

/** Catches a worker id that was mistyped. */
final class KnownWorkers {
  private KnownWorkers() {}

  static void check(WorkerId id, PauseRepository pauses) {
    List<String> known = pauses.workerIds();
    if (!known.contains(id.value())) {
      throw new Refusal(
          ExitCode.FAILED,
          "no worker '%s' has ever registered; 'status' shows them%s"
              .formatted(id, NearMiss.hint(id.value(), known)));
    }
  }
}
