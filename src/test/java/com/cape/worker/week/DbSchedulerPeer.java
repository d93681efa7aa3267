package com.cape.worker.week;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** db-scheduler with its defaults; it tries again every 5 minutes and never gives up. */
final class DbSchedulerPeer implements Peer {
  private static final String PROGRAM = "com.cape.bench.WeekDbScheduler";

  private final String classPath;
  private final Path workflow;
  private final WeekDatabase database;
  private final double scale;
  private Plan plan;

  DbSchedulerPeer(String classPath, Path workflow, WeekDatabase database, double scale) {
    this.classPath = classPath;
    this.workflow = workflow;
    this.database = database;
    this.scale = scale;
  }

  @Override
  public String name() {
    return "db-scheduler";
  }

  @Override
  public String scaled() {
    return "heartbeat and the waits after a failure and in a stop exactly; it polls every 100 ms";
  }

  @Override
  public void prepare(Plan plan) throws IOException, InterruptedException, SQLException {
    this.plan = plan;
    var schedule =
        new ProcessBuilder(java("schedule", Integer.toString(plan.issues().size()))).inheritIO();
    if (schedule.start().waitFor() != 0) {
      throw new IOException("db-scheduler could not schedule the issues");
    }
  }

  @Override
  public List<String> command(String host) {
    return java("run", workflow.toString(), host, Double.toString(scale));
  }

  private List<String> java(String task, String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                classPath,
                PROGRAM,
                task,
                database.jdbcUrl()));
    command.addAll(List.of(arguments));
    return command;
  }

  @Override
  public Map<String, String> environment(String host) {
    return Map.of();
  }

  @Override
  public String deploySignal() {
    return "TERM";
  }

  @Override
  public boolean runsOutliveWorkers() {
    return false;
  }

  @Override
  public void repaired(String host) {}

  @Override
  public Map<Integer, Judge.State> states() throws SQLException {
    Map<Integer, String> left =
        database.texts("SELECT task_instance::int, task_name FROM scheduled_tasks");
    Map<Integer, Judge.State> states = new HashMap<>();
    for (Plan.Issue issue : plan.issues()) {
      states.put(issue.id(), left.containsKey(issue.id()) ? Judge.State.OPEN : Judge.State.DONE);
    }
    return states;
  }
}
