package com.cape.worker.daemon;

import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.queue.WorkerIdentity;
import com.cape.worker.store.queue.WorkerRepository;
import com.cape.worker.store.queue.WorkerRepository.Registration;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.worker.state.DatabaseAvailability;
import com.cape.worker.worker.state.Drain;
import com.cape.worker.worker.state.LifeSigns;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.WorkerListener;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a daemon asks of the database before its first claim. Waits for a database that is away. */
final class StartUp {
  private static final Logger LOG = LoggerFactory.getLogger(StartUp.class);
  private static final String PARTY = "start";

  private final WorkerConfig.Connection connection;
  private final WorkerRepository workers;
  private final Drain drain;
  private final LifeSigns signs;
  private final Listeners listeners;
  private final DatabaseAvailability database;

  StartUp(
      WorkerConfig.Connection connection,
      WorkerRepository workers,
      Drain drain,
      LifeSigns signs,
      Listeners listeners) {
    this.connection = connection;
    this.workers = workers;
    this.drain = drain;
    this.signs = signs;
    this.listeners = listeners;
    this.database = new DatabaseAvailability(listeners);
  }

  /**
   * Brings the schema up to date and registers the worker; false when it was stopped before.
   *
   * @throws Refusal when that can never succeed, or another process has the worker id
   */
  boolean ready(WorkerIdentity identity, Duration lease, List<UUID> predecessors)
      throws InterruptedException {
    while (!drain.begun()) {
      try {
        prepareSchema();
        Optional<Registration> other = workers.register(identity, lease, predecessors);
        database.answered(PARTY);
        if (other.isPresent()) {
          throw taken(other.get());
        }
        listeners.announce(WorkerListener::ready);
        return true;
      } catch (StoreException e) {
        if (e.kind() != StoreException.Kind.UNAVAILABLE && e.kind() != StoreException.Kind.BUSY) {
          throw Refusal.of(e, connection.origin());
        }
        Duration wait = database.failed(PARTY, e);
        signs.waiting();
        drain.await(wait);
      }
    }
    return false;
  }

  private void prepareSchema() {
    var migrator = new Migrator(connection.url());
    if (migrator.upToDate()) {
      return;
    }
    if (!connection.migrate()) {
      throw new Refusal(
          ExitCode.WRONG_SETTING,
          "the schema is not up to date, and --no-migrate forbids to change that;"
              + " run 'cape-worker migrate'");
    }
    migrator.migrate();
    LOG.info("schema brought up to date");
  }

  private static Refusal taken(Registration other) {
    return new Refusal(
        ExitCode.TRY_LATER,
        "worker id %s is taken: pid %d on %s, started %s; stop that one, or choose another id"
            .formatted(
                other.worker().id(),
                other.worker().pid(),
                other.worker().host(),
                other.startedAt()));
  }
}
