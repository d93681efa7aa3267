package com.cape.worker.dashboard;

import com.cape.worker.http.Secret;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Who has logged in. Safe for use by several threads. */
final class Sessions {
  static final Duration LIFETIME = Duration.ofHours(12);
  private static final int MOST = 100;

  private final InstantSource clock;
  private final Map<String, Session> sessions =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Session> eldest) {
          return size() > MOST;
        }
      };

  /** A browser's; its actions have to name {@code csrf}. */
  record Session(String csrf, Instant until) {}

  Sessions(InstantSource clock) {
    this.clock = clock;
  }

  /** Returns the secret by which the new session is found. */
  synchronized String begin() {
    String id = Secret.random();
    sessions.put(id, new Session(Secret.random(), clock.instant().plus(LIFETIME)));
    return id;
  }

  synchronized Optional<Session> find(String id) {
    return Optional.ofNullable(sessions.get(id))
        .filter(session -> clock.instant().isBefore(session.until()));
  }

  synchronized void end(String id) {
    sessions.remove(id);
  }
}
