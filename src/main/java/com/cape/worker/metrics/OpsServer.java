package com.cape.worker.metrics;

import static java.util.Objects.requireNonNull;

import com.cape.worker.config.HttpSettings;
import com.cape.worker.http.BearerAccess;
import com.cape.worker.http.WebResponse;
import com.cape.worker.http.WebServer;
import com.cape.worker.store.Database;
import com.cape.worker.store.read.HealthRepository;
import com.cape.worker.worker.ClaimGate;
import com.cape.worker.worker.state.Listeners;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Serves health checks and metrics of a worker. */
public final class OpsServer implements AutoCloseable {
  private static final String LIVE = "/live";
  private static final String READY = "/ready";
  private static final String METRICS = "/metrics";
  private static final int OK = 200;
  private static final int UNAVAILABLE = 503;

  private final BooleanSupplier alive;
  private final Database probed;
  private final Database counted;
  private final Readiness readiness;
  private final WorkerMetrics metrics;
  private final WebServer server;

  /**
   * Serves until it is closed.
   *
   * @param alive whether loop and heartbeat turn
   * @param gate why nothing is claimed
   * @param listeners gets the metrics and the readiness added
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
    this.alive = requireNonNull(alive);
    this.probed = connections.get();
    this.counted = connections.get();
    this.readiness = new Readiness(gate, new HealthRepository(probed));
    this.metrics =
        new WorkerMetrics(
            about, new HealthRepository(counted), () -> readiness.state() == Readiness.State.READY);
    listeners.add(readiness);
    listeners.add(metrics);
    this.server =
        WebServer.start(
            http.address(),
            new BearerAccess(http.token(), Set.of(LIVE, READY)),
            Map.of(
                LIVE, request -> live(),
                READY, request -> ready(),
                METRICS, request -> metrics()));
  }

  public InetSocketAddress address() {
    return server.address();
  }

  private WebResponse live() {
    return alive.getAsBoolean() ? line(OK, "alive") : line(UNAVAILABLE, "stuck");
  }

  private WebResponse ready() {
    Readiness.State state = readiness.state();
    return line(state == Readiness.State.READY ? OK : UNAVAILABLE, state.word());
  }

  private WebResponse metrics() {
    return new WebResponse(OK, WorkerMetrics.CONTENT_TYPE, Map.of(), metrics.text());
  }

  private static WebResponse line(int status, String word) {
    return WebResponse.text(status, word + "\n");
  }

  @Override
  public void close() {
    server.close();
    readiness.close();
    metrics.close();
    probed.close();
    counted.close();
  }
}
