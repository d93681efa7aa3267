package com.cape.worker.cli;

import com.cape.worker.http.Times;
import com.cape.worker.store.queue.Pause;
import com.cape.worker.text.PlainText;

/** A pause in words. */
final class PauseText {
  private PauseText() {}

  /** {@code the fleet until 2026-11-24 09:30:00Z (14m 03s left): deploy}. */
  static String of(Pause pause) {
    String who = WorkerOption.name(pause.worker());
    String end =
        pause
            .until()
            .map(
                until ->
                    " until %s (%s left)"
                        .formatted(Times.full(until), Times.between(pause.now(), until)))
            .orElse(" until it is resumed");
    String reason = pause.reason().map(text -> ": " + PlainText.line(text)).orElse("");
    return who + end + reason;
  }
}
