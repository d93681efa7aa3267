package com.cape.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A queue whose worker runs an external program for each job.
 *
 * @param setup SQL for what its worker does not create by itself
 * @param insert as many jobs as its parameter says
 * @param unfinished whether any job waits or runs
 */
record Contender(String name, Launch launch, String setup, String insert, String unfinished) {
  static final String REFERENCE = "graphile-worker";
  static final String DB_SCHEDULER = "db-scheduler";

  /** The command line of its worker; the number tells workers of one database apart. */
  interface Launch {
    List<String> command(String url, int concurrency, String program, String fifo, int number);
  }

  /** The name of its database and its files. */
  String id() {
    return name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "_");
  }

  static List<Contender> all(Settings settings) {
    List<Contender> all = new ArrayList<>(List.of(capeWorker(settings)));
    settings
        .baseline()
        .map(jar -> capeWorker("Cape Worker at " + Baseline.COMMIT, jar, settings))
        .ifPresent(all::add);
    all.add(dbScheduler());
    settings.node().ifPresent(node -> all.add(graphileWorker(node.toString())));
    settings.node().ifPresent(node -> all.add(pgBoss(node.toString())));
    return all;
  }

  static Contender capeWorker(Settings settings) {
    return capeWorker("Cape Worker", settings.jar(), settings);
  }

  private static Contender capeWorker(String name, Path jar, Settings settings) {
    return new Contender(
        name,
        (url, concurrency, program, fifo, number) -> {
          List<String> command = new ArrayList<>(List.of(java()));
          command.addAll(settings.workerFlags());
          command.addAll(List.of("-jar", jar.toString(), "--worker-id", "bench-" + number));
          command.addAll(List.of("--database-url", url, "--env-file", "/dev/null"));
          command.addAll(List.of("--concurrency", Integer.toString(concurrency)));
          command.addAll(List.of("--poll-interval", "10"));
          command.addAll(List.of("--command", "'%s' '%s' {id}".formatted(program, fifo)));
          return command;
        },
        "",
        "INSERT INTO cape_issues (description) SELECT 'bench' FROM generate_series(1, ?)",
        "SELECT EXISTS (SELECT FROM cape_issues WHERE status = 'pending')"
            + " OR EXISTS (SELECT FROM cape_issue_attempts WHERE outcome = 'running')");
  }

  static Contender graphileWorker(String node) {
    return new Contender(
        REFERENCE,
        (url, concurrency, program, fifo, number) ->
            List.of("node", node + "/graphile-worker.mjs", url, "" + concurrency, program, fifo),
        "",
        "SELECT graphile_worker.add_job('run', json_build_object('id', n)) FROM generate_series(1, ?) n",
        "SELECT EXISTS (SELECT FROM graphile_worker._private_jobs)");
  }

  private static Contender pgBoss(String node) {
    return new Contender(
        "pg-boss",
        (url, concurrency, program, fifo, number) ->
            List.of("node", node + "/pg-boss.mjs", url, "" + concurrency, program, fifo),
        "",
        // As its own insert does: one notification for all of a statement.
        """
        WITH ins AS (
          INSERT INTO pgboss.job (name, data, policy)
          SELECT 'run', jsonb_build_object('id', n), 'standard' FROM generate_series(1, ?) n
          RETURNING id)
        SELECT pg_notify('pgboss_' || left(encode(sha224('pgboss'), 'hex'), 24), 'run')
         WHERE EXISTS (SELECT FROM ins)
        """,
        "SELECT EXISTS (SELECT FROM pgboss.job WHERE name = 'run' AND state < 'completed')");
  }

  private static Contender dbScheduler() {
    return new Contender(
        DB_SCHEDULER,
        (url, concurrency, program, fifo, number) ->
            List.of(
                java(),
                "-cp",
                System.getProperty("java.class.path"),
                DbSchedulerWorker.class.getName(),
                Sql.jdbc(url),
                "" + concurrency,
                program,
                fifo),
        DbSchedulerWorker.TABLE,
        """
        INSERT INTO scheduled_tasks (task_name, task_instance, execution_time, picked, version)
        SELECT 'run', gen_random_uuid(), now(), false, 1 FROM generate_series(1, ?)
        """,
        "SELECT EXISTS (SELECT FROM scheduled_tasks)");
  }

  static String java() {
    return System.getProperty("java.home") + "/bin/java";
  }

  /** How its figure stands to the reference's; without the reference a dash. */
  static String ratio(double figure, Optional<Double> reference) {
    return reference.map(other -> "%.2f".formatted(figure / other)).orElse("-");
  }
}
