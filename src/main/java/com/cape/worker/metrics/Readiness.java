package com.cape.worker.metrics;

import static java.util.Objects.requireNonNull;

import com.cape.worker.http.SharedAnswer;
import com.cape.worker.store.read.HealthRepository;
import com.cape.worker.worker.ClaimGate;
import com.cape.worker.worker.state.WorkerListener;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

/**
 * Whether the worker could run an issue now: it is registered, nothing on this host keeps it from
 * claiming, and the database answers. A pause changes nothing in that. The database is asked only
 * when somebody asks, on a connection of its own, so that no heartbeat waits for it. Safe for use
 * by several threads.
 */
public final class Readiness implements WorkerListener, AutoCloseable {
  private static final Duration ANSWER_HOLDS = Duration.ofSeconds(3);
  // Those who ask do not wait long: the kubelet gives up after a second.
  private static final Duration PATIENCE = Duration.ofMillis(800);

  /** How it stands. */
  public enum State {
    READY,
    STARTING,
    DRAINING,
    /** The command cannot be started. */
    COMMAND,
    /** The database does not answer, or takes no writes. */
    DATABASE;

    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private final ClaimGate gate;
  private final SharedAnswer<Boolean> database;
  private volatile boolean registered;

  /**
   * Of a worker that is starting.
   *
   * @param database for this alone
   */
  public Readiness(ClaimGate gate, HealthRepository database) {
    this.gate = requireNonNull(gate);
    this.database =
        new SharedAnswer<>("cape-readiness", database::takesWrites, took -> ANSWER_HOLDS, PATIENCE);
  }

  @Override
  public void ready() {
    registered = true;
  }

  State state() {
    Optional<State> held = gate.current().flatMap(hold -> of(hold.reason()));
    if (held.isPresent()) {
      return held.get();
    }
    if (!database.get().orElse(false)) {
      return State.DATABASE;
    }
    return registered ? State.READY : State.STARTING;
  }

  private static Optional<State> of(ClaimGate.Reason reason) {
    return switch (reason) {
      case DRAINING, PROGRAM_REPLACED -> Optional.of(State.DRAINING);
      case COMMAND_MISSING, HOST_RESTING -> Optional.of(State.COMMAND);
      case DATABASE_UNAVAILABLE, CLAIM_REFUSED, HEARTBEAT_LATE -> Optional.of(State.DATABASE);
      case PAUSED, NOTHING_DUE -> Optional.empty();
    };
  }

  @Override
  public void close() {
    database.close();
  }
}
