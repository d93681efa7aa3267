package com.cape.worker.week;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Cape Worker, with the defaults of its settings. */
final class CapePeer implements Peer {
  private final Path jar;
  private final Path workflow;
  private final WeekDatabase database;
  private final double scale;

  CapePeer(Path jar, Path workflow, WeekDatabase database, double scale) {
    this.jar = jar;
    this.workflow = workflow;
    this.database = database;
    this.scale = scale;
  }

  @Override
  public String name() {
    return "cape";
  }

  @Override
  public String scaled() {
    return "its settings in whole seconds, rounded up: "
        + settings().entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .map(
                setting ->
                    "%s=%s (%.0f simulated min)"
                        .formatted(
                            setting.getKey(),
                            setting.getValue(),
                            Integer.parseInt(setting.getValue()) * scale / 60))
            .collect(Collectors.joining(", "))
        + "; what it waits without a setting by -Dcape.time.scale, if the JAR knows that";
  }

  // Each default, but the lease, which is at least 10 s, and the longest wait, at least the first
  // one.
  private Map<String, String> settings() {
    return Map.of(
        "CAPE_POLL_INTERVAL", scaled(10),
        "CAPE_WORKFLOW_TIMEOUT", scaled(3600),
        "CAPE_RETRY_DELAY", scaled(15),
        "CAPE_RETRY_MAX_DELAY", scaled(3600),
        "CAPE_LEASE", Long.toString(Math.max(10, Math.round(300 / scale))),
        "CAPE_GRACE", scaled(10),
        "CAPE_DRAIN_TIMEOUT", scaled(300));
  }

  private String scaled(double seconds) {
    return Long.toString((long) Math.ceil(seconds / scale));
  }

  @Override
  public void prepare(Plan plan) throws IOException, InterruptedException, SQLException {
    operate("migrate");
    for (Plan.Issue issue : plan.issues()) {
      database.execute(
          "INSERT INTO cape_issues (id, description) VALUES (%d, 'Issue %1$d of the week')"
              .formatted(issue.id()));
    }
  }

  @Override
  public List<String> command(String host) {
    List<String> command = java();
    command.addAll(List.of("--worker-id", host, "--command", workflow + " {id}"));
    return command;
  }

  private List<String> java() {
    return new ArrayList<>(
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            // As the services start it.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dcape.time.scale=%.0f".formatted(scale),
            "-jar",
            jar.toString()));
  }

  @Override
  public Map<String, String> environment(String host) {
    Map<String, String> environment = new HashMap<>(settings());
    environment.put("CAPE_DATABASE_URL", database.url());
    return environment;
  }

  @Override
  public String deploySignal() {
    return "HUP";
  }

  @Override
  public boolean runsOutliveWorkers() {
    return true;
  }

  @Override
  public void repaired(String host) throws IOException, InterruptedException {
    operate("resume", "--worker", host);
  }

  private void operate(String... arguments) throws IOException, InterruptedException {
    List<String> command = java();
    command.addAll(List.of(arguments));
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.redirectOutput(Redirect.appendTo(workflow.resolveSibling("operator.txt").toFile()));
    builder.environment().put("CAPE_DATABASE_URL", database.url());
    builder.start().waitFor();
  }

  @Override
  public Map<Integer, Judge.State> states() throws SQLException {
    Map<Integer, Judge.State> states = new HashMap<>();
    database
        .texts("SELECT id, status FROM cape_issues")
        .forEach((id, status) -> states.put(id, state(status)));
    return states;
  }

  private static Judge.State state(String status) {
    return switch (status) {
      case "completed" -> Judge.State.DONE;
      case "failed", "cancelled" -> Judge.State.GIVEN_UP;
      default -> Judge.State.OPEN;
    };
  }
}
