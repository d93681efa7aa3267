package com.cape.worker.telemetry;

import com.cape.worker.issue.Outcome;
import com.cape.worker.store.History;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * How attempts ended, by the hour of the last day and by the minute of the last hour; the hour and
 * the minute that are not over are the last of each.
 *
 * @param now which may be a little later than the history
 */
record Charts(History history, Instant now) {
  private static final int HOURS = 24;
  private static final int MINUTES = 60;

  private enum Kind {
    COMPLETED,
    FAILED,
    CANCELLED,
    OTHER;

    private static Kind of(Outcome outcome) {
      return switch (outcome) {
        case COMPLETED -> COMPLETED;
        case FAILED, TIMED_OUT, OUTPUT_LIMIT, LOST -> FAILED;
        case CANCELLED -> CANCELLED;
        case RUNNING, INTERRUPTED, THROTTLED, NOT_STARTED -> OTHER;
      };
    }
  }

  Json json() {
    return new Json()
        .with("hours", bars(Duration.ofHours(1), HOURS))
        .with("minutes", bars(Duration.ofMinutes(1), MINUTES))
        .with("pickup", history.pickUp().map(Charts::pickUp));
  }

  private static Json pickUp(History.PickUp pickUp) {
    return new Json().with("p50", pickUp.half()).with("p95", pickUp.most());
  }

  private List<Json> bars(Duration width, int number) {
    long[][] counts = new long[number][Kind.values().length];
    long last = now.getEpochSecond() / width.toSeconds();
    for (History.Endings endings : history.endings()) {
      long bar = number - 1 - (last - endings.at().getEpochSecond() / width.toSeconds());
      if (bar >= 0) {
        int place = (int) Math.min(bar, number - 1);
        counts[place][Kind.of(endings.outcome()).ordinal()] += endings.number();
      }
    }
    return IntStream.range(0, number)
        .mapToObj(
            bar ->
                bar(
                    Instant.ofEpochSecond((last - number + 1 + bar) * width.toSeconds()),
                    counts[bar]))
        .toList();
  }

  private static Json bar(Instant at, long[] counts) {
    Json bar = new Json().with("at", at);
    Arrays.stream(Kind.values())
        .forEach(kind -> bar.with(kind.name().toLowerCase(Locale.ROOT), counts[kind.ordinal()]));
    return bar;
  }
}
