package com.cape.worker.metrics;

import com.cape.worker.http.SharedAnswer;
import com.cape.worker.http.WebResponse;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.read.HealthRepository;
import com.cape.worker.store.read.HealthRepository.Queue;
import com.cape.worker.worker.state.WorkerListener;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.core.metrics.Info;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.instrumentation.jvm.JvmMetrics;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** The metrics of a worker in the format of Prometheus. Safe for use by several threads. */
public final class WorkerMetrics implements WorkerListener, AutoCloseable {
  private static final double MILLIS_PER_SECOND = 1000;
  // The queue is not counted again for so long, nor for more than a hundredth of the time.
  private static final Duration QUEUE_HOLDS = Duration.ofSeconds(5);
  private static final int SHARE_OF_TIME = 100;
  private static final Duration PATIENCE = Duration.ofSeconds(1);
  private static final double[] RUN_BUCKETS = {
    1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200
  };
  private static final double[] PICKUP_BUCKETS = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 900, 3600
  };
  private static final double[] MARGIN_BUCKETS = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};

  private final Duration lease;
  private final SharedAnswer<Queue> queue;
  private final PrometheusRegistry registry = new PrometheusRegistry();
  private final Counter claims = counter("claims", "Issues claimed.");
  private final Counter attempts =
      counter("attempts", "Attempts that this worker settled, by outcome.", "outcome");
  private final Counter fencedWrites =
      counter("fenced_writes", "Writes refused: the run was no longer this worker's.", "write");
  private final Counter rescues =
      counter("rescues", "Attempts of other workers closed because their lease had run out.");
  private final Counter adoptions =
      counter(
          "adoptions", "Runs that an earlier process of this worker left, by result.", "result");
  private final Counter survivorsKilled =
      counter(
          "survivors_killed", "Processes ended because they outlived the first one of their run.");
  private final Counter survivorsLeft =
      counter("survivors_left", "Processes of ended runs that could not be ended.");
  private final Counter outages = counter("outages", "Times that the database became unavailable.");
  private final Counter pauses = counter("pauses", "Pauses that this worker has met.", "reason");
  private final Histogram runDuration =
      histogram("run_duration_seconds", "How long runs took, by outcome.", RUN_BUCKETS, "outcome");
  private final Histogram pickupLatency =
      histogram(
          "pickup_latency_seconds", "From when an issue was due to its claim.", PICKUP_BUCKETS);
  private final Histogram leaseMargin =
      histogram(
          "lease_margin_ratio",
          "The part of the lease that was left when a heartbeat extended it.",
          MARGIN_BUCKETS);
  private final Gauge databaseUp =
      gauge("database_up", "Whether the database did what it was last asked (1) or not (0).");
  private final Gauge listenerUp =
      gauge("listener_up", "Whether notifications arrive (1), or the worker only polls (0).");
  private final Gauge slotsBusy = gauge("slots_busy", "Runs at this moment.");
  private volatile boolean startPause;

  /**
   * @param database for this alone
   * @param ready whether the worker could run an issue now
   */
  public WorkerMetrics(About about, HealthRepository database, BooleanSupplier ready) {
    this.lease = about.lease();
    this.queue =
        new SharedAnswer<>(
            "cape-queue-count",
            () -> database.queue(about.worker()),
            WorkerMetrics::holds,
            PATIENCE);
    Info.builder()
        .name("cape_worker_build_info")
        .help("The worker and its version.")
        .labelNames("version", "worker")
        .register(registry)
        .setLabelValues(about.version(), about.worker().value());
    gauge("slots", "Runs that may go on at the same time.").set(about.slots());
    gauge("lease_seconds", "How long a lease holds without a heartbeat.").set(seconds(lease));
    databaseUp.set(1);
    computed(
        "ready",
        "Whether the worker could run an issue now, as /ready answers.",
        value -> value.call(number(ready.getAsBoolean())));
    addQueue();
    addPaused();
    startAtZero();
    JvmMetrics.builder().register(registry);
  }

  /** What does not change while a worker lives. */
  public record About(WorkerId worker, String version, int slots, Duration lease) {}

  private static Duration holds(Duration took) {
    Duration share = took.multipliedBy(SHARE_OF_TIME);
    return share.compareTo(QUEUE_HOLDS) < 0 ? QUEUE_HOLDS : share;
  }

  /** Absent while the database is unavailable. */
  private void addQueue() {
    computed(
        "queue_issues",
        "Issues of the whole database, by status; all but the completed ones.",
        value ->
            queue
                .get()
                .ifPresent(
                    now -> {
                      value.call((double) now.pending(), "pending");
                      value.call((double) now.started(), "started");
                      value.call((double) now.failed(), "failed");
                      value.call((double) now.cancelled(), "cancelled");
                    }),
        "status");
    computed(
        "queue_due_issues",
        "Pending issues of the whole database that may be claimed now.",
        value -> queue.get().ifPresent(now -> value.call((double) now.due())));
    computed(
        "queue_oldest_due_age_seconds",
        "For how long the issue that has been due longest has been so; 0 when none is due.",
        value -> queue.get().ifPresent(now -> value.call(seconds(now.oldestDue()))));
  }

  private void addPaused() {
    computed(
        "paused",
        "Whether the fleet, the account or this worker is paused, or rests as its command cannot start.",
        value -> {
          queue
              .get()
              .ifPresent(
                  now -> {
                    value.call(number(now.fleetPaused()), "fleet");
                    value.call(number(now.accountPaused()), "account");
                    value.call(number(now.workerPaused()), "worker");
                  });
          value.call(number(startPause), "start");
        },
        "reason");
  }

  /** So that the first event of a kind is a rise, and not a series that begins. */
  private void startAtZero() {
    Arrays.stream(Outcome.values())
        .filter(outcome -> outcome != Outcome.RUNNING)
        .forEach(outcome -> attempts.initLabelValues(outcome.word()));
    Arrays.stream(Write.values()).forEach(write -> fencedWrites.initLabelValues(word(write)));
    Arrays.stream(Adoption.values()).forEach(result -> adoptions.initLabelValues(word(result)));
    Arrays.stream(PauseReason.values()).forEach(reason -> pauses.initLabelValues(word(reason)));
  }

  /** All of it, in Prometheus' text format. */
  WebResponse response() {
    var text = new ByteArrayOutputStream();
    try {
      PrometheusTextFormatWriter.create().write(text, registry.scrape());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new WebResponse(
        200, PrometheusTextFormatWriter.CONTENT_TYPE, Map.of(), text.toByteArray());
  }

  @Override
  public void claimed(Duration waited) {
    claims.inc();
    pickupLatency.observe(seconds(waited));
  }

  @Override
  public void settled(Outcome outcome, Duration ran) {
    attempts.labelValues(outcome.word()).inc();
    if (!ran.isZero()) {
      runDuration.labelValues(outcome.word()).observe(seconds(ran));
    }
  }

  @Override
  public void leaseExtended(Duration left) {
    leaseMargin.observe(seconds(left) / seconds(lease));
  }

  @Override
  public void fenced(Write write) {
    fencedWrites.labelValues(word(write)).inc();
  }

  @Override
  public void rescued() {
    rescues.inc();
  }

  @Override
  public void recovered(Adoption adoption) {
    adoptions.labelValues(word(adoption)).inc();
  }

  @Override
  public void outlived(int ended, int left) {
    survivorsKilled.inc(ended);
    survivorsLeft.inc(left);
  }

  @Override
  public void databaseUnavailable() {
    outages.inc();
    databaseUp.set(0);
    queue.forget();
  }

  @Override
  public void databaseBack() {
    databaseUp.set(1);
  }

  @Override
  public void listening(boolean up) {
    listenerUp.set(number(up));
  }

  @Override
  public void paused(PauseReason reason) {
    pauses.labelValues(word(reason)).inc();
    if (reason == PauseReason.START) {
      startPause = true;
    }
  }

  @Override
  public void resumed(PauseReason reason) {
    if (reason == PauseReason.START) {
      startPause = false;
    }
  }

  @Override
  public void slotsBusy(int busy) {
    slotsBusy.set(busy);
  }

  @Override
  public void close() {
    queue.close();
  }

  private Counter counter(String name, String help, String... labels) {
    return Counter.builder()
        .name("cape_worker_" + name + "_total")
        .help(help)
        .labelNames(labels)
        .withoutExemplars()
        .register(registry);
  }

  private void computed(
      String name, String help, Consumer<GaugeWithCallback.Callback> value, String... labels) {
    GaugeWithCallback.builder()
        .name("cape_worker_" + name)
        .help(help)
        .labelNames(labels)
        .callback(value)
        .register(registry);
  }

  private Gauge gauge(String name, String help) {
    return Gauge.builder()
        .name("cape_worker_" + name)
        .help(help)
        .withoutExemplars()
        .register(registry);
  }

  private Histogram histogram(String name, String help, double[] buckets, String... labels) {
    return Histogram.builder()
        .name("cape_worker_" + name)
        .help(help)
        .labelNames(labels)
        .classicOnly()
        .classicUpperBounds(buckets)
        .withoutExemplars()
        .register(registry);
  }

  private static double seconds(Duration duration) {
    return duration.toMillis() / MILLIS_PER_SECOND;
  }

  private static double number(boolean truth) {
    return truth ? 1 : 0;
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }
}
