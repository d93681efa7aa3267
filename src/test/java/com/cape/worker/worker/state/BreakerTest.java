package com.cape.worker.worker.state;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.Pacing;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.store.pause.RecentEnd;
import com.cape.worker.worker.state.OutcomeRules.Scopes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BreakerTest {
  private static final Instant START = Instant.parse("2026-12-01T12:00:00Z");
  private static final Scopes SCOPES =
      new Scopes(PauseScope.account("a"), PauseScope.worker(new WorkerId("w")));
  private final Breaker breaker = new Breaker("w", SCOPES, Pacing.STANDARD);

  /**
   * A series is a word for each end, the first one first: the worker, the issue, how it ended (c
   * completed, f failed, t timed out, o overloaded), after how many minutes, and a letter for what
   * was printed, a capital one as the last line of plain text.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "none",
      value = {
        // Five at once, of three issues.
        "w1f0x w2f0y w3f0z w1f0u w2f0v | w failing 5",
        "w1f0x w2f0y w3f0z w1f0u | none",
        "w1f0x w2f0y w1f0z w2f0u w1f0v | none",
        "w1f0x w1f0x w1f0x w1f0x w1f0x w1f0x w1f0x | none",
        "w1f0x w2f0y w3c0z w4f0u w5f0v | none",
        "w1f0x w2f0y w3f9z w1f0u w2f0v | none",
        "v1f0x w2f0y w3f0z w4f0u w5f0v | none",
        "w1f0x w2o0y w3f0z w1o0u w2f0v v9c9x | w failing 5",
        // Three of three issues, however long they took, while others work.
        "w1f40x v9c30x w2f40y w3t40z | w broken 160",
        "w1f1x v9c30x w2f1y w3f1z | w broken 5",
        "w1f40x w2f40y w3f40z | none",
        "w1f40x v9f30x w2f40y w3f40z | none",
        "v9c30x w1f0x w2f0y w3f0z | none",
        "w1f40x v9c30x w2f40y w1f40z | none",
        // Two that fail alike are enough.
        "w1f40x v9c30x w2f40x | w broken 160",
        "w1f40X v9c30X w2f40X | w broken 160",
        "v8f40X w1f40X v9c30X w2f40X | none",
        "w1f40X v9c30X w2f40Y | none",
        "w1f40- v9c30- w2f40- | none",
        "w1f40- v9c30- w2f40- w3f40- | w broken 160",
        "w1f40x v9c30x w1f40x | none",
        "w1f40x v9c30x w2f40y | none",
        "w1f40x w2f40x | none",
        // Ten at once of an account, on two workers, of five issues.
        "w1f0x v2f0y w3f0z v4f0u w5f0x v1f0x w2f0y v3f0z w4f0u v5f0x | account:a failing 5",
        "v1f0x v2f0y v3f0z v4f0u v5f0x v1f0x v2f0y v3f0z v4f0u v5f0x | none",
        "w1f0x v2f0y w3f0z v4f0u w1f0x v1f0x v2f0y v3f0z w4f0u v1f0x | none",
      })
  void seriesAsksForItsPause(String series, String expected) {
    assertEquals(
        expected,
        breaker
            .judge(ends(series))
            .map(
                order ->
                    "%s %s %d"
                        .formatted(
                            order.scope().text(),
                            order.kind().word(),
                            order.waits().get(0).toMinutes()))
            .orElse(null));
  }

  private static List<RecentEnd> ends(String series) {
    List<RecentEnd> ends = new ArrayList<>();
    Instant now = START;
    for (String word : series.split(" ")) {
      Outcome outcome =
          switch (word.charAt(2)) {
            case 'c' -> Outcome.COMPLETED;
            case 't' -> Outcome.TIMED_OUT;
            case 'o' -> Outcome.OVERLOADED;
            default -> Outcome.FAILED;
          };
      var ran = Duration.ofMinutes(Integer.parseInt(word.substring(3, word.length() - 1)));
      String text = word.substring(word.length() - 1);
      now = now.plusSeconds(20);
      ends.add(
          0,
          new RecentEnd(
              word.substring(0, 1),
              word.charAt(1) - '0',
              outcome,
              ran,
              now.minus(ran),
              now,
              "attempt %d failed: exit 1 after %d s".formatted(ends.size(), ends.size())
                  + (text.matches("[a-z]") ? ": " + text + " " + ends.size() : ""),
              text.matches("[A-Z]") ? "begun\n%s %d\n\n".formatted(text, ends.size()) : ""));
    }
    return ends;
  }
}
