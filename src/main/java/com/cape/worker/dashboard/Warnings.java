package com.cape.worker.dashboard;

import com.cape.worker.http.Times;
import com.cape.worker.store.read.Overview;
import com.cape.worker.store.read.RefusedWrite;
import com.cape.worker.text.PlainText;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What in a fleet needs a look. */
public final class Warnings {
  // Long enough for a worker to wake up, poll and claim.
  private static final Duration LONG = Duration.ofMinutes(1);
  private static final int MOST_REFUSALS = 5;
  private static final String STOPPED = "stopped";

  private Warnings() {}

  public static List<String> of(Overview overview) {
    return Stream.concat(ofFleet(overview).stream(), refusals(overview.refusals()).stream())
        .toList();
  }

  /** A line for each row that the database refuses; only a number for those past the fifth. */
  public static List<String> refusals(List<RefusedWrite> refusals) {
    List<String> lines = new ArrayList<>();
    refusals.stream().limit(MOST_REFUSALS).map(Warnings::refusal).forEach(lines::add);
    if (refusals.size() > MOST_REFUSALS) {
      lines.add("and %d more that the database refuses".formatted(refusals.size() - MOST_REFUSALS));
    }
    return lines;
  }

  private static String refusal(RefusedWrite refused) {
    String what =
        refused.ofClaim()
            ? "cannot be claimed"
            : "its end as %s cannot be written".formatted(PlainText.line(refused.status()));
    String again =
        refused
            .retryAt()
            .filter(at -> at.isAfter(refused.now()))
            .map(at -> "in " + Times.between(refused.now(), at))
            .orElse("soon");
    return "issue %d: %s: %s; tried again %s"
        .formatted(refused.issueId(), what, PlainText.line(refused.error()), again);
  }

  /** All but the rows that the database refuses. */
  public static List<String> ofFleet(Overview overview) {
    List<String> warnings = new ArrayList<>();
    if (overview.counts().unowned() > 0) {
      warnings.add(
          "%d started without a running attempt: not by these workers; 'list --status started' shows"
                  .formatted(overview.counts().unowned())
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
    idleWarning(overview).ifPresent(warnings::add);
    return warnings;
  }

  private static Optional<String> idleWarning(Overview overview) {
    boolean held =
        overview.pauses().stream()
            .anyMatch(pause -> pause.holds() && pause.scope().worker().isEmpty());
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
    boolean waiting =
        longAgo(overview.oldestDue(), overview) && longAgo(overview.lastClaim(), overview);
    return alive.stream()
        .filter(worker -> waiting && worker.state().equals("idle") && worker.freeSlots() > 0)
        .findFirst()
        .map(
            worker ->
                "issues are due for %s, and idle worker %s claims none; 'doctor' on %s looks for the cause"
                    .formatted(
                        overview
                            .oldestDue()
                            .map(since -> Times.between(since, overview.now()))
                            .orElse("ever"),
                        worker.id(),
                        PlainText.line(worker.host())));
  }

  private static boolean longAgo(Optional<Instant> time, Overview overview) {
    return time.isEmpty() || time.get().plus(LONG).isBefore(overview.now());
  }
}
