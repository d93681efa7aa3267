package com.cape.worker.cli;

import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.Words;
import com.cape.worker.config.ConfigReader;
import com.cape.worker.http.Times;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.pause.Pause;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.text.PlainText;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** One worker, or the workers of one account, instead of the fleet. */
final class ScopeOption {
  @Option(names = "--worker", paramLabel = "ID", description = "Only that one.")
  private Optional<WorkerId> worker = Optional.empty();

  @Option(
      names = "--account",
      paramLabel = "NAME",
      description = "Only the workers whose runs use that account.")
  private Optional<String> account = Optional.empty();

  /** Why the options cannot be used; empty when they can. */
  Optional<String> mistake() {
    if (worker.isPresent() && account.isPresent()) {
      return Optional.of("--worker and --account: only one of them");
    }
    try {
      account.ifPresent(ConfigReader::account);
      return Optional.empty();
    } catch (IllegalArgumentException e) {
      return Optional.of("--account %s: %s".formatted(account.orElse(""), e.getMessage()));
    }
  }

  PauseScope scope() {
    return worker
        .map(PauseScope::worker)
        .or(() -> account.map(PauseScope::account))
        .orElse(PauseScope.FLEET);
  }

  /** Refuses a name that was mistyped. */
  void checkKnown(PauseRepository pauses) {
    worker.ifPresent(id -> checkKnown(id, pauses));
    account.ifPresent(name -> refuseUnknown("account", "is any worker's", name, pauses.accounts()));
  }

  static void checkKnown(WorkerId id, PauseRepository pauses) {
    refuseUnknown("worker", "has ever registered", id.value(), pauses.workerIds());
  }

  private static void refuseUnknown(String what, String missing, String name, List<String> known) {
    if (!known.contains(name)) {
      throw new Refusal(
          "no %s '%s' %s; 'status' shows them%s"
              .formatted(what, name, missing, Words.nearMiss(name, known)));
    }
  }

  /** {@code the fleet until 2026-11-24 09:30:00Z (14m 03s left): deploy}. */
  static String text(Pause pause) {
    String reason = pause.reason().map(text -> ": " + PlainText.line(text)).orElse("");
    String source = pause.issueId().map(id -> " (issue %d)".formatted(id)).orElse("");
    return "%s %s%s%s".formatted(pause.scope(), end(pause), reason, source);
  }

  private static String end(Pause pause) {
    return switch (pause.phase()) {
      case PAUSED ->
          pause
              .until()
              .map(
                  until ->
                      "until %s (%s left)"
                          .formatted(Times.full(until), Times.between(pause.now(), until)))
              .orElse("until it is resumed");
      case PROBE -> "until its next run has shown that it is over";
      case PROBING -> "until the run that goes on has shown that it is over";
      case RAMP, FULL -> "over; the rate of claims grows again";
      case OVER -> "over";
    };
  }
}
