package com.cape.worker.dashboard;

import com.cape.worker.http.Json;
import com.cape.worker.issue.Outcome;
import com.cape.worker.store.read.History;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** How attempts ended in each hour of the last day and each minute of the last hour. */
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
        case RUNNING, INTERRUPTED, THROTTLED, OVERLOADED, REFUSED, NOT_STARTED -> OTHER;
      };
    }
  }

  Json json() {
    return new Json()
        .with("hours", bars(Duration.ofHours(1), HOURS))
        .with("minutes", bars(Duration.ofMinutes(1), MINUTES))
        .with("pickup", history.pickUp().map(Json::of));
  }

  private List<Json> bars(Duration width, int number) {
    List<Map<Kind, Long>> bars =
        Stream.generate(() -> (Map<Kind, Long>) new EnumMap<Kind, Long>(Kind.class))
            .limit(number)
            .toList();
    long first = now.getEpochSecond() / width.toSeconds() - number + 1;
    for (History.Endings endings : history.endings()) {
      long bar = endings.at().getEpochSecond() / width.toSeconds() - first;
      if (bar >= 0) {
        // The history may be a little later than now.
        bars.get((int) Math.min(bar, number - 1))
            .merge(Kind.of(endings.outcome()), endings.number(), Long::sum);
      }
    }
    return IntStream.range(0, number)
        .mapToObj(
            bar -> bar(Instant.ofEpochSecond((first + bar) * width.toSeconds()), bars.get(bar)))
        .toList();
  }

  private static Json bar(Instant at, Map<Kind, Long> counts) {
    Json bar = new Json().with("at", at);
    for (Kind kind : Kind.values()) {
      bar.with(kind.name().toLowerCase(Locale.ROOT), counts.getOrDefault(kind, 0L));
    }
    return bar;
  }
}
