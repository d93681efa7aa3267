package com.cape.worker.metrics;

import static java.util.Objects.requireNonNull;

import com.cape.worker.config.HttpSettings;
import com.cape.worker.http.BearerAccess;
import com.cape.worker.http.SharedAnswer;
import com.cape.worker.http.WebResponse;
import com.cape.worker.http.WebServer;
import com.cape.worker.store.Database;
import com.cape.worker.store.read.HealthRepository;
import com.cape.worker.worker.ClaimGate;
import com.cape.worker.worker.state.Listeners;
import com.cape.worker.worker.state.WorkerListener;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Serves health checks and metrics of a worker. */
public final class OpsServer implements WorkerListener, AutoCloseable {
  private static final String LIVE = "/live";
  private static final String READY = "/ready";
  private static final String METRICS = "/metrics";
  private static final String ALIVE = "alive";
  private static final String IS_READY = "ready";
  private static final Duration ANSWER_HOLDS = Duration.ofSeconds(3);
  // A client does not wait long: the kubelet gives up after a second.
  private static final Duration PATIENCE = Duration.ofMillis(800);

  private final ClaimGate gate;
  // Connections of its own, so that no heartbeat waits for a client.
  private final Database probed;
  private final Database counted;
  private final SharedAnswer<Boolean> takesWrites;
  private final WorkerMetrics metrics;
  private final WebServer server;
  private volatile boolean registered;

  /**
   * @param alive whether loop and heartbeat turn
   * @param listeners gets this server and the metrics added
   * @param connections brings a database for one thread, which is not connected yet
   * @throws IOException when the address cannot be had; the message says why
   */
  public OpsServer(
      HttpSettings http,
      WorkerMetrics.About about,
      BooleanSupplier alive,
      ClaimGate gate,
      Listeners listeners,
      Supplier<Database> connections)
      throws IOException {
    this.gate = requireNonNull(gate);
    this.probed = connections.get();
    this.counted = connections.get();
    this.takesWrites =
        new SharedAnswer<>(
            "cape-readiness",
            new HealthRepository(probed)::takesWrites,
            took -> ANSWER_HOLDS,
            PATIENCE);
    this.metrics =
        new WorkerMetrics(about, new HealthRepository(counted), () -> readiness().equals(IS_READY));
    listeners.add(this);
    listeners.add(metrics);
    this.server =
        WebServer.start(
            http.address(),
            new BearerAccess(http.token(), Set.of(LIVE, READY)),
            Map.of(
                LIVE, request -> state(alive.getAsBoolean() ? ALIVE : "stuck"),
                READY, request -> state(readiness()),
                METRICS, request -> metrics.response()));
  }

  public InetSocketAddress address() {
    return server.address();
  }

  @Override
  public void ready() {
    registered = true;
  }

  /** Whether the worker could run an issue now, in a word. A pause changes nothing in that. */
  private String readiness() {
    Optional<String> held = gate.current().flatMap(hold -> word(hold.reason()));
    if (held.isPresent()) {
      return held.get();
    }
    if (!takesWrites.get().orElse(false)) {
      return "database";
    }
    return registered ? IS_READY : "starting";
  }

  private static Optional<String> word(ClaimGate.Reason reason) {
    return switch (reason) {
      case DRAINING, PROGRAM_REPLACED -> Optional.of("draining");
      case COMMAND_MISSING, HOST_RESTING -> Optional.of("command");
      case DATABASE_UNAVAILABLE, CLAIM_REFUSED, HEARTBEAT_LATE -> Optional.of("database");
      case PAUSED, NOTHING_DUE -> Optional.empty();
    };
  }

  private static WebResponse state(String word) {
    boolean good = word.equals(ALIVE) || word.equals(IS_READY);
    return WebResponse.text(good ? 200 : 503, word + "\n");
  }

  @Override
  public void close() {
    server.close();
    takesWrites.close();
    metrics.close();
    probed.close();
    counted.close();
  }
}
