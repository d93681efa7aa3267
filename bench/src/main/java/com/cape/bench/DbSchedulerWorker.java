package com.cape.bench;

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.task.helper.OneTimeTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.time.Duration;

/** db-scheduler, each of whose tasks runs a program: URL CONCURRENCY PROGRAM FILE. */
final class DbSchedulerWorker {
  static final int POLLING_MILLIS = 100;

  static final String TABLE =
      """
      CREATE TABLE scheduled_tasks (
        task_name text NOT NULL, task_instance text NOT NULL, task_data bytea,
        execution_time timestamptz NOT NULL, picked boolean NOT NULL, picked_by text,
        last_success timestamptz, last_failure timestamptz, consecutive_failures int,
        last_heartbeat timestamptz, version bigint NOT NULL, priority smallint,
        PRIMARY KEY (task_name, task_instance));
      CREATE INDEX ON scheduled_tasks (execution_time);
      CREATE INDEX ON scheduled_tasks (last_heartbeat);
      CREATE INDEX ON scheduled_tasks (priority DESC, execution_time);
      """;

  private DbSchedulerWorker() {}

  public static void main(String[] arguments) {
    int threads = Integer.parseInt(arguments[1]);
    var pool = new HikariConfig();
    pool.setJdbcUrl(arguments[0]);
    OneTimeTask<Void> task =
        Tasks.oneTime("run")
            .execute((instance, context) -> run(arguments[2], arguments[3], instance.getId()));
    // It fetches ahead while a thread is busy, so that none waits for the next poll.
    Scheduler.create(new HikariDataSource(pool), task)
        .threads(threads)
        .pollUsingLockAndFetch(1.0, 4.0)
        .pollingInterval(Duration.ofMillis(POLLING_MILLIS))
        .build()
        .start();
    System.out.println("ready");
  }

  private static void run(String program, String file, String id) {
    try {
      int exit = Programs.start(program, file, id).waitFor();
      if (exit != 0) {
        throw new IllegalStateException("exit " + exit);
      }
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
