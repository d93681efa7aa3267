package com.cape.worker.cli;

import com.cape.worker.cli.console.Output;
import com.cape.worker.cli.console.Table;
import com.cape.worker.dashboard.Warnings;
import com.cape.worker.http.Times;
import com.cape.worker.store.read.Overview;
import com.cape.worker.text.PlainText;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** What {@code status} prints. */
record StatusReport(Overview overview) {
  /** For people. */
  List<String> lines(Output output) {
    Overview.Counts counts = overview.counts();
    List<String> lines = new ArrayList<>();
    lines.add(
        "pending    %d (%d due, %d waiting for a retry)"
            .formatted(counts.pending(), counts.due(), counts.retrying()));
    overview
        .oldestDue()
        .ifPresent(since -> lines.add("oldest due " + Times.between(since, overview.now())));
    lines.add("started    %d".formatted(counts.started()));
    lines.add("failed     %d".formatted(counts.failed()));
    lines.add("cancelled  %d".formatted(counts.cancelled()));
    lines.add(
        "completed  %d in the last hour, %d in the last day"
            .formatted(counts.completedLastHour(), counts.completedLastDay()));
    overview
        .pauses()
        .forEach(pause -> lines.add(output.strong("paused") + "     " + PauseText.of(pause)));
    Warnings.refusals(overview.refusals())
        .forEach(refusal -> lines.add(output.strong("refused") + "    " + refusal));
    Warnings.ofFleet(overview)
        .forEach(warning -> lines.add(output.strong("warning") + "    " + warning));
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
}
