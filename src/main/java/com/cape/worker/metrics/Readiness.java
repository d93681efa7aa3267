package com.cape.worker.metrics;

import static java.util.Objects.requireNonNull;

import com.cape.worker.http.SharedAnswer;
import com.cape.worker.store.read.HealthRepository;
import com.cape.worker.worker.Drain;
import com.cape.worker.worker.WorkerListener;
import java.time.Duration;
import java.util.Locale;
import java.util.function.BooleanSupplier;

/**
 * Whether the worker could run an issue now: it is registered, does not drain, its command can be
 * found, and the database answers. A pause changes nothing in that. Only when somebody asks is the
 * database asked, on a connection of its own, so that no heartbeat waits for it. Safe for use by
 * several threads.
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

  private final Drain drain;
  private final BooleanSupplier command;
  private final SharedAnswer<Boolean> database;
  private volatile boolean registered;

  /**
   * Of a worker that is starting.
   *
   * @param command whether it can be started
   * @param database for this alone
   */
  public Readiness(Drain drain, BooleanSupplier command, HealthRepository database) {
    this.drain = requireNonNull(drain);
    this.command = requireNonNull(command);
    this.database =
        new SharedAnswer<>("cape-readiness", database::takesWrites, took -> ANSWER_HOLDS, PATIENCE);
  }

  @Override
  public void ready() {
    registered = true;
  }

  State state() {
    if (drain.begun()) {
      return State.DRAINING;
    }
    if (!command.getAsBoolean()) {
      return State.COMMAND;
    }
    if (!database.get().orElse(false)) {
      return State.DATABASE;
    }
    return registered ? State.READY : State.STARTING;
  }

  @Override
  public void close() {
    database.close();
  }
}
