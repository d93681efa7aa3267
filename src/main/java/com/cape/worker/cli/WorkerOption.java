package com.cape.worker.cli;

import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.Words;
import com.cape.worker.http.Times;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.queue.Pause;
import com.cape.worker.store.queue.PauseRepository;
import com.cape.worker.text.PlainText;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** One worker instead of the fleet. */
final class WorkerOption {
  @Option(names = "--worker", paramLabel = "ID", description = "Only that one.")
  private Optional<WorkerId> id = Optional.empty();

  Optional<WorkerId> id() {
    return id;
  }

  /** {@code worker alleycat-1} or {@code the fleet}. */
  static String name(Optional<?> worker) {
    return worker.map(id -> "worker " + id).orElse("the fleet");
  }

  /** Refuses a worker id that was mistyped. */
  static void checkKnown(WorkerId id, PauseRepository pauses) {
    List<String> known = pauses.workerIds();
    if (!known.contains(id.value())) {
      throw new Refusal(
          "no worker '%s' has ever registered; 'status' shows them%s"
              .formatted(id, Words.nearMiss(id.value(), known)));
    }
  }

  /** {@code the fleet until 2026-11-24 09:30:00Z (14m 03s left): deploy}. */
  static String text(Pause pause) {
    String end =
        pause
            .until()
            .map(
                until ->
                    "%s (%s left)".formatted(Times.full(until), Times.between(pause.now(), until)))
            .orElse("it is resumed");
    String reason = pause.reason().map(text -> ": " + PlainText.line(text)).orElse("");
    return "%s until %s%s".formatted(name(pause.worker()), end, reason);
  }
}
