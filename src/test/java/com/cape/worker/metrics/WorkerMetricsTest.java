package com.cape.worker.metrics;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.read.HealthRepository;
import com.cape.worker.testing.TestDatabase;
import com.cape.worker.worker.state.WorkerListener.PauseReason;
import com.cape.worker.worker.state.WorkerListener.Write;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Tag("database")
class WorkerMetricsTest {
  private static final Duration LEASE = Duration.ofMinutes(5);
  private static final Pattern SAMPLE = Pattern.compile("(?m)^([a-z_]+(?:\\{.*?})?) (\\S+)$");
  private static final Pattern FAMILY = Pattern.compile("(?m)^# TYPE (cape_worker_\\w+) ");
  private static final Pattern USED = Pattern.compile("\\b(?:cape_worker|jvm|process)_\\w+");

  private final TestDatabase database = TestDatabase.createMigrated();
  private boolean ready = true;
  private WorkerMetrics metrics;

  @BeforeEach
  void start() {
    metrics =
        new WorkerMetrics(
            new WorkerMetrics.About(new WorkerId("alice"), "1.2", 3, LEASE),
            new HealthRepository(new Database(database.dataSource())),
            () -> ready);
  }

  @AfterEach
  void stop() {
    metrics.close();
  }

  @Test
  void everyEventIsCounted() {
    metrics.claimed(Duration.ofMillis(40));
    metrics.claimed(Duration.ofSeconds(20));
    metrics.settled(Outcome.COMPLETED, Duration.ofSeconds(90));
    metrics.settled(Outcome.NOT_STARTED, Duration.ZERO);
    metrics.leaseExtended(Duration.ofSeconds(270));
    metrics.leaseExtended(Duration.ofSeconds(30));
    metrics.fenced(Write.HEARTBEAT);
    metrics.fenced(Write.SETTLE);
    metrics.rescued();
    metrics.outlived(2, 1);
    metrics.databaseUnavailable();
    metrics.listening(true);
    metrics.paused(PauseReason.START);
    metrics.slotsBusy(2);
    Map<String, Double> told = told();
    assertEquals(2, told.get("cape_worker_claims_total"));
    assertEquals(1, told.get("cape_worker_pickup_latency_seconds_bucket{le=\"0.05\"}"));
    assertEquals(1, told.get("cape_worker_pickup_latency_seconds_bucket{le=\"15.0\"}"));
    assertEquals(2, told.get("cape_worker_pickup_latency_seconds_bucket{le=\"60.0\"}"));
    assertEquals(20.04, told.get("cape_worker_pickup_latency_seconds_sum"), 0.001);
    assertEquals(1, told.get("cape_worker_attempts_total{outcome=\"completed\"}"));
    assertEquals(1, told.get("cape_worker_attempts_total{outcome=\"not_started\"}"));
    assertEquals(0, told.get("cape_worker_attempts_total{outcome=\"failed\"}"));
    assertEquals(90, told.get("cape_worker_run_duration_seconds_sum{outcome=\"completed\"}"));
    assertFalse(told.containsKey("cape_worker_run_duration_seconds_sum{outcome=\"not_started\"}"));
    assertEquals(1, told.get("cape_worker_lease_margin_ratio_bucket{le=\"0.1\"}"));
    assertEquals(1, told.get("cape_worker_lease_margin_ratio_bucket{le=\"0.8\"}"));
    assertEquals(2, told.get("cape_worker_lease_margin_ratio_bucket{le=\"0.9\"}"));
    assertEquals(1, told.get("cape_worker_fenced_writes_total{write=\"heartbeat\"}"));
    assertEquals(1, told.get("cape_worker_fenced_writes_total{write=\"settle\"}"));
    assertEquals(1, told.get("cape_worker_rescues_total"));
    assertEquals(2, told.get("cape_worker_survivors_killed_total"));
    assertEquals(1, told.get("cape_worker_survivors_left_total"));
    assertEquals(1, told.get("cape_worker_outages_total"));
    assertEquals(0, told.get("cape_worker_database_up"));
    assertEquals(1, told.get("cape_worker_listener_up"));
    assertEquals(1, told.get("cape_worker_pauses_total{reason=\"start\"}"));
    assertEquals(1, told.get("cape_worker_paused{reason=\"start\"}"));
    assertEquals(2, told.get("cape_worker_slots_busy"));
    assertEquals(3, told.get("cape_worker_slots"));
    assertEquals(300, told.get("cape_worker_lease_seconds"));
    assertEquals(1, told.get("cape_worker_build_info{version=\"1.2\",worker=\"alice\"}"));
    assertTrue(told.get("jvm_threads_current") > 0);
  }

  @Test
  void whatIsOverIsTold() {
    metrics.databaseUnavailable();
    metrics.databaseBack();
    metrics.listening(true);
    metrics.listening(false);
    metrics.paused(PauseReason.START);
    metrics.resumed(PauseReason.REQUESTED);
    assertEquals(1, told().get("cape_worker_paused{reason=\"start\"}"));
    metrics.resumed(PauseReason.START);
    ready = false;
    Map<String, Double> told = told();
    assertEquals(1, told.get("cape_worker_database_up"));
    assertEquals(0, told.get("cape_worker_listener_up"));
    assertEquals(0, told.get("cape_worker_paused{reason=\"start\"}"));
    assertEquals(0, told.get("cape_worker_ready"));
  }

  @Test
  void queueIsReadFromTheTables() {
    database.execute(
        "INSERT INTO cape_issues (description, status, run_after)"
            + " SELECT 'x', status, now() + wait FROM (VALUES ('pending', interval '-90 s'),"
            + " ('pending', '-1 s'), ('pending', '1 h'), ('started', '0'), ('failed', '0'),"
            + " ('failed', '0'), ('cancelled', '0'), ('completed', '0')) AS v (status, wait);"
            + " UPDATE cape_issues SET run_after = '-infinity' WHERE id = 2;"
            + " INSERT INTO cape_pauses (scope) VALUES ('*'), ('bob')");
    Map<String, Double> told = told();
    assertEquals(3, told.get("cape_worker_queue_issues{status=\"pending\"}"));
    assertEquals(1, told.get("cape_worker_queue_issues{status=\"started\"}"));
    assertEquals(2, told.get("cape_worker_queue_issues{status=\"failed\"}"));
    assertEquals(1, told.get("cape_worker_queue_issues{status=\"cancelled\"}"));
    assertEquals(2, told.get("cape_worker_queue_due_issues"));
    assertEquals(90, told.get("cape_worker_queue_oldest_due_age_seconds"), 10);
    assertEquals(1, told.get("cape_worker_paused{reason=\"fleet\"}"));
    assertEquals(0, told.get("cape_worker_paused{reason=\"worker\"}"));
  }

  @Test
  void noIssueIsDueWhileTheQueueIsEmpty() {
    assertEquals(0, told().get("cape_worker_queue_oldest_due_age_seconds"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "deploy/grafana-dashboard.json",
        "deploy/prometheus-alerts.yaml",
        "src/test/prometheus/alerts-test.yaml"
      })
  void dashboardAndAlertsUseWhatIsThere(String file) throws IOException {
    metrics.settled(Outcome.COMPLETED, Duration.ofSeconds(1));
    String text = new String(metrics.response().body(), UTF_8);
    Set<String> known = new TreeSet<>(told().keySet());
    known.addAll(
        known.stream().map(name -> name.replaceFirst("\\{.*", "")).collect(Collectors.toSet()));
    Set<String> used = found(USED, Files.readString(Path.of(file)), 0);
    assertFalse(used.isEmpty());
    used.removeAll(known);
    assertEquals(Set.of(), used);
    assertTrue(text.contains("le=\"0.5\""), "an alert asks for this bucket");
  }

  @Test
  void readmeHasAllMetricsAndNoOther() throws IOException {
    metrics.settled(Outcome.COMPLETED, Duration.ofSeconds(1));
    Set<String> told = found(FAMILY, new String(metrics.response().body(), UTF_8), 1);
    String readme = Files.readString(Path.of("README.md"));
    assertEquals(told, found(Pattern.compile("(?m)^\\| `(cape_worker_\\w+)"), readme, 1));
  }

  private static Set<String> found(Pattern pattern, String text, int group) {
    return pattern
        .matcher(text)
        .results()
        .map((MatchResult match) -> match.group(group))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private Map<String, Double> told() {
    return SAMPLE
        .matcher(new String(metrics.response().body(), UTF_8))
        .results()
        .collect(
            Collectors.toMap(match -> match.group(1), match -> Double.valueOf(match.group(2))));
  }
}
