package com.cape.worker.week;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * graphile-worker with its defaults: 25 attempts, a lock of 4 hours; or so that its graceful
 * shutdown waits until what ended is recorded, which the defaults do not.
 */
final class GraphilePeer implements Peer {
  // Its backoff and its lock's time are written into its statements, in real seconds.
  private static final String SCALE =
      """
      CREATE FUNCTION week_scale() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.run_at > greatest(now(), OLD.run_at) THEN
          NEW.run_at := now() + (NEW.run_at - now()) / %1$s;
        END IF;
        IF NEW.locked_at IS NOT NULL AND NEW.locked_at IS DISTINCT FROM OLD.locked_at THEN
          NEW.locked_at := NEW.locked_at - interval '4 hours' * (1 - 1 / %1$s::numeric);
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER week_scales BEFORE UPDATE ON graphile_worker._private_jobs
        FOR EACH ROW EXECUTE FUNCTION week_scale();
      """;

  private final Path folder;
  private final Path workflow;
  private final WeekDatabase database;
  private final double scale;
  private final boolean waits;
  private Plan plan;

  GraphilePeer(Path folder, Path workflow, WeekDatabase database, double scale, boolean waits) {
    this.folder = folder;
    this.workflow = workflow;
    this.database = database;
    this.scale = scale;
    this.waits = waits;
  }

  @Override
  public String name() {
    return waits ? "graphile-worker, batches" : "graphile-worker";
  }

  @Override
  public String scaled() {
    return "its backoff, the 4 hours of its locks and how often it looks for old ones exactly, by a"
        + " trigger and its options; it polls every 100 ms";
  }

  @Override
  public void prepare(Plan plan) throws IOException, InterruptedException, SQLException {
    this.plan = plan;
    var migrate =
        new ProcessBuilder("node", "week-graphile.mjs", "migrate", database.url())
            .directory(folder.toFile())
            .inheritIO();
    if (migrate.start().waitFor() != 0) {
      throw new IOException("graphile-worker could not create its tables");
    }
    database.execute(SCALE.formatted(Double.toString(scale)));
    for (Plan.Issue issue : plan.issues()) {
      database.execute(
          "SELECT graphile_worker.add_job('run', json_build_object('id', %d))"
              .formatted(issue.id()));
    }
  }

  @Override
  public List<String> command(String host) {
    return List.of(
        "node",
        folder.resolve("week-graphile.mjs").toString(),
        "run",
        database.url(),
        workflow.toString(),
        Double.toString(scale),
        waits ? "waits" : "");
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
        database.texts(
            """
            SELECT (payload->>'id')::int, CASE WHEN attempts >= max_attempts AND locked_at IS NULL
                                               THEN 'dead' ELSE 'open' END
              FROM graphile_worker._private_jobs
            """);
    Map<Integer, Judge.State> states = new HashMap<>();
    for (Plan.Issue issue : plan.issues()) {
      states.put(issue.id(), state(left.getOrDefault(issue.id(), "gone")));
    }
    return states;
  }

  private static Judge.State state(String job) {
    return switch (job) {
      case "gone" -> Judge.State.DONE;
      case "dead" -> Judge.State.GIVEN_UP;
      default -> Judge.State.OPEN;
    };
  }
}
