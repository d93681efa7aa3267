package com.cape.worker.cli;

import com.cape.worker.cli.console.DataCommand;
import com.cape.worker.cli.console.DisplayText;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Table;
import com.cape.worker.cli.console.Watch;
import com.cape.worker.dashboard.JsonViews;
import com.cape.worker.dashboard.Warnings;
import com.cape.worker.host.Terminal;
import com.cape.worker.http.Times;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.read.Overview;
import com.cape.worker.text.PlainText;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    description = {
      "Shows how the queue and the fleet stand.",
      "Counts, workers with what they run, pauses, and what needs a look.",
      "A worker whose state ends in ? has not been heard of for longer than its lease."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker status --watch",
      "  cape-worker status --json | jq .issues.due",
      "",
      "JSON: now; issues {pending, due, retrying, started, unowned, failed, cancelled,"
          + " completed_last_hour, completed_last_day}; oldest_due_since; last_claim_at; workers [{id,"
          + " host, pid, version, state, alive, started_at, heartbeat_at, lease_seconds, free_slots, listening, runs"
          + " [{issue_id, attempt, started_at, seconds, lease_expires_at, lease_margin_seconds}]}]; pauses [{worker, account, until, reason, since, kind, phase, issue_id, line}];"
          + " refusals [{issue_id, status, error, retry_at, tries}]; warnings [text]. Times are ISO 8601 in UTC; unowned issues are started without a running"
          + " attempt; a pause without worker and account holds for the fleet; a refusal is a row that the database"
          + " lets nobody claim (status started), or whose end it refuses."
    })
public final class StatusCommand extends DataCommand {
  private static final Duration BETWEEN_LOOKS = Duration.ofSeconds(2);
  // ECMA-48: to the upper left, erase the line's rest, erase all below, end of bold.
  private static final String HOME = "\u001b[H";
  private static final String ERASE_LINE = "\u001b[K";
  private static final String ERASE_BELOW = "\u001b[J";
  private static final String PLAIN = "\u001b[0m";
  private static final Terminal.Size USUAL = new Terminal.Size(80, 24);

  @Option(names = "--watch", description = "Draw it again every two seconds, until interrupted.")
  private boolean watch;

  @Override
  protected void check() {
    if (watch && (json || !output.terminal().output())) {
      throw output.wrong("--watch draws on a terminal; in a script call 'status' in a loop");
    }
  }

  @Override
  protected ExitCode run(Database open) {
    if (watch) {
      output.out().print(HOME + ERASE_BELOW);
    }
    while (watch) {
      draw(latest(open));
      Watch.pause(output, BETWEEN_LOOKS);
    }
    Overview overview = Overview.read(open);
    if (json) {
      output.line(JsonViews.overview(overview));
    } else {
      lines(overview).forEach(output::line);
    }
    return ExitCode.DONE;
  }

  /** Draws the lines over the ones before, as many as the terminal has room for. */
  private void draw(List<String> lines) {
    Terminal.Size size = output.terminalNow().size().orElse(USUAL);
    var drawn = new StringBuilder(HOME);
    for (String line : lines.subList(0, Math.min(lines.size(), size.rows() - 1))) {
      drawn.append(DisplayText.cut(line, size.columns())).append(PLAIN + ERASE_LINE).append("\r\n");
    }
    output.out().print(drawn.append(ERASE_BELOW));
    output.out().flush();
  }

  private List<String> latest(Database open) {
    try {
      return lines(Overview.read(open));
    } catch (StoreException e) {
      if (!Watch.passes(e)) {
        throw e;
      }
      return List.of(
          output.strong("database unavailable") + ": " + e.getMessage() + "; trying again");
    }
  }

  private List<String> lines(Overview overview) {
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
        .forEach(pause -> lines.add(output.strong("paused") + "     " + ScopeOption.text(pause)));
    Warnings.refusals(overview.refusals())
        .forEach(refusal -> lines.add(output.strong("refused") + "    " + refusal));
    Warnings.ofFleet(overview)
        .forEach(warning -> lines.add(output.strong("warning") + "    " + warning));
    lines.add("");
    lines.addAll(workers(overview).lines(output.columns()));
    return lines;
  }

  private static Table workers(Overview overview) {
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
