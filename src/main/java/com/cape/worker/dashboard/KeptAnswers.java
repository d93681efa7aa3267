package com.cape.worker.dashboard;

import com.cape.worker.http.WebResponse;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** Makes an answer once for several pages, and keeps it for a moment. For several threads. */
final class KeptAnswers {
  // A little less than a page waits from one question to the next.
  private static final Duration LEAST_AGE = Duration.ofMillis(900);
  private static final Duration MOST_AGE = Duration.ofSeconds(5);
  private static final int TIMES_ITS_MAKING = 20;
  private static final int MOST_ANSWERS = 50;

  private final Map<String, Answer> answers =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Answer> eldest) {
          return size() > MOST_ANSWERS;
        }
      };

  private static final class Answer {
    private long until;
    private Optional<WebResponse> response = Optional.empty();
  }

  /** The answer of that name; those that ask while it is being made wait for it. */
  WebResponse get(String name, Supplier<WebResponse> maker) {
    Answer answer;
    synchronized (answers) {
      answer = answers.computeIfAbsent(name, unknown -> new Answer());
    }
    synchronized (answer) {
      long start = System.nanoTime();
      if (answer.response.isEmpty() || start - answer.until >= 0) {
        answer.response = Optional.of(maker.get());
        long end = System.nanoTime();
        long longer = Math.min(MOST_AGE.toNanos(), TIMES_ITS_MAKING * (end - start));
        answer.until = Math.max(start + LEAST_AGE.toNanos(), end + longer);
      }
      return answer.response.get();
    }
  }

  void forget() {
    synchronized (answers) {
      answers.clear();
    }
  }
}
