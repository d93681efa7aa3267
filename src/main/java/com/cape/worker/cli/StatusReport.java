package com.cape.worker.cli;

import com.cape.worker.process.PlainText;
import com.cape.worker.store.Overview;
import com.cape.worker.telemetry.Json;
import com.cape.worker.telemetry.Times;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** What {@code status} tells. */
record StatusReport(Overview overview) {
  // Long enough for a worker to wake up, poll and claim.
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final String STOPPED = "stopped";

  /** What an operator should look at. */
  List<String> warnings() {
    List<String> warnings = new ArrayList<>();
    Overview.Counts counts = overview.counts();
    if (counts.unowned() > 0) {
      warnings.add(
          "%d started without a running attempt: not by these workers; 'list --status started' shows"
                  .formatted(counts.unowned())
              + " them, 'retry --force ID' makes one pending");
    }
    for (Overview.Worker worker : overview.workers()) {
      if (!worker.alive() && !worker.state().equals(STOPPED)) {
        warnings.add(
            "worker %s on %s was last heard of %s ago"
                .formatted(
                    worker.id(),
                    PlainText.line(worker.host()),
                    Times.between(worker.heartbeatAt(), overview.now())));
      }
    }
    idleWarning().ifPresent(warnings::add);
    return warnings;
  }

  private Optional<String> idleWarning() {
    boolean held = overview.pauses().stream().anyMatch(pause -> pause.worker().isEmpty());
    if (overview.counts().due() == 0 || held) {
      return Optional.empty();
    }
    List<Overview.Worker> alive =
        overview.workers().stream()
            .filter(worker -> worker.alive() && !worker.state().equals(STOPPED))
            .toList();
    if (alive.isEmpty()) {
      return Optional.of("issues are due, and no worker is alive");
    }
    boolean waiting = longAgo(overview.oldestDue()) && longAgo(overview.lastClaim());
    return alive.stream()
        .filter(worker -> waiting && worker.state().equals("idle") && worker.freeSlots() > 0)
        .findFirst()
        .map(
            worker ->
                "issues are due for %s, and idle worker %s claims none; 'doctor' on %s looks for the cause"
                    .formatted(
                        age(overview.oldestDue()), worker.id(), PlainText.line(worker.host())));
  }

  private boolean longAgo(Optional<Instant> time) {
    return time.isEmpty() || time.get().plus(LONG).isBefore(overview.now());
  }

  private String age(Optional<Instant> time) {
    return time.map(since -> Times.between(since, overview.now())).orElse("ever");
  }

  /** For people. */
  List<String> lines(Output output) {
    Overview.Counts counts = overview.counts();
    List<String> lines = new ArrayList<>();
    lines.add(
        "pending    %d (%d due, %d waiting for a retry)"
            .formatted(counts.pending(), counts.due(), counts.retrying()));
    overview
        .oldestDue()
        .ifPresent(since -> lines.add("oldest due %s".formatted(age(Optional.of(since)))));
    lines.add("started    %d".formatted(counts.started()));
    lines.add("failed     %d".formatted(counts.failed()));
    lines.add("cancelled  %d".formatted(counts.cancelled()));
    lines.add(
        "completed  %d in the last hour, %d in the last day"
            .formatted(counts.completedLastHour(), counts.completedLastDay()));
    overview
        .pauses()
        .forEach(pause -> lines.add(output.strong("paused") + "     " + PauseText.of(pause)));
    warnings().forEach(warning -> lines.add(output.strong("warning") + "    " + warning));
    lines.add("");
    lines.addAll(workers().lines(output.columns()));
    return lines;
  }

  private Table workers() {
    var table = new Table("WORKER", "STATE", "HEARD", "HOST", "ISSUES");
    for (Overview.Worker worker : overview.workers()) {
      table.add(
          worker.id(),
          worker.alive() ? worker.state() : worker.state() + "?",
          Times.between(worker.heartbeatAt(), overview.now()) + " ago",
          PlainText.line(worker.host()),
          worker.runs().stream()
              .map(
                  run ->
                      "%d for %s"
                          .formatted(run.issueId(), Times.between(run.startedAt(), overview.now())))
              .collect(Collectors.joining(", ")));
    }
    return table;
  }

  /** For programs. */
  Json json() {
    Overview.Counts counts = overview.counts();
    return new Json()
        .with("now", overview.now())
        .with(
            "issues",
            new Json()
                .with("pending", counts.pending())
                .with("due", counts.due())
                .with("retrying", counts.retrying())
                .with("started", counts.started())
                .with("unowned", counts.unowned())
                .with("failed", counts.failed())
                .with("cancelled", counts.cancelled())
                .with("completed_last_hour", counts.completedLastHour())
                .with("completed_last_day", counts.completedLastDay()))
        .with("oldest_due_since", overview.oldestDue())
        .with("last_claim_at", overview.lastClaim())
        .with("workers", overview.workers().stream().map(this::json).toList())
        .with("pauses", overview.pauses().stream().map(PauseText::json).toList())
        .with("warnings", warnings());
  }

  private Json json(Overview.Worker worker) {
    return new Json()
        .with("id", worker.id())
        .with("host", worker.host())
        .with("pid", worker.pid())
        .with("version", worker.version())
        .with("state", worker.state())
        .with("alive", worker.alive())
        .with("started_at", worker.startedAt())
        .with("heartbeat_at", worker.heartbeatAt())
        .with("lease_seconds", worker.lease().toSeconds())
        .with("free_slots", worker.freeSlots())
        .with("listening", worker.listening())
        .with("runs", worker.runs().stream().map(this::json).toList());
  }

  private Json json(Overview.Run run) {
    return new Json()
        .with("issue_id", run.issueId())
        .with("attempt", run.attempt())
        .with("started_at", run.startedAt())
        .with("seconds", Duration.between(run.startedAt(), overview.now()));
  }
}
