package com.cape.bench;

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.SchedulerBuilder;
import com.github.kagkarlsson.scheduler.SchedulerName;
import com.github.kagkarlsson.scheduler.task.FailureHandler;
import com.github.kagkarlsson.scheduler.task.helper.OneTimeTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;

/** db-scheduler in the simulated week: schedule URL COUNT, or run URL PROGRAM NAME SCALE. */
final class WeekDbScheduler {
  private static final Duration RETRY = Duration.ofMinutes(5); // its default
  private static final Duration POLLING = Duration.ofMillis(100);

  private WeekDbScheduler() {}

  public static void main(String[] arguments) throws SQLException {
    var settings = new HikariConfig();
    settings.setJdbcUrl(arguments[1]);
    settings.setMaximumPoolSize(4);
    var pool = new HikariDataSource(settings);
    if (arguments[0].equals("schedule")) {
      schedule(pool, Integer.parseInt(arguments[2]));
      pool.close();
    } else {
      run(pool, arguments[2], arguments[3], Double.parseDouble(arguments[4]));
    }
  }

  private static void schedule(HikariDataSource pool, int count) throws SQLException {
    try (Connection connection = pool.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(DbSchedulerWorker.TABLE);
    }
    OneTimeTask<Void> task = Tasks.oneTime("run").execute((instance, context) -> {});
    Scheduler client = Scheduler.create(pool, task).build();
    Instant now = Instant.now();
    for (int id = 1; id <= count; id++) {
      client.schedule(task.instance(Integer.toString(id)), now.plusMillis(id));
    }
  }

  private static void run(HikariDataSource pool, String program, String name, double scale) {
    OneTimeTask<Void> task =
        Tasks.oneTime("run")
            .onFailure(new FailureHandler.OnFailureRetryLater<>(scaled(RETRY, scale)))
            .execute((instance, context) -> run(program, instance.getId()));
    Scheduler.create(pool, task)
        .threads(1)
        .schedulerName(new SchedulerName.Fixed(name))
        .pollingInterval(POLLING)
        .heartbeatInterval(scaled(SchedulerBuilder.DEFAULT_HEARTBEAT_INTERVAL, scale))
        .shutdownMaxWait(scaled(SchedulerBuilder.SHUTDOWN_MAX_WAIT, scale))
        .registerShutdownHook()
        .build()
        .start();
  }

  private static Duration scaled(Duration real, double scale) {
    return Duration.ofMillis(Math.round(real.toMillis() / scale));
  }

  private static void run(String program, String id) {
    Process process;
    try {
      process = new ProcessBuilder(program, id).inheritIO().start();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
    try {
      int exit = process.waitFor();
      if (exit != 0) {
        throw new IllegalStateException("exit " + exit);
      }
    } catch (InterruptedException e) {
      process.destroy(); // its stop has waited for long enough
      throw new IllegalStateException(e);
    }
  }
}
