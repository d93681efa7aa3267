package com.cape.worker.config;

import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.issue.WorkerId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The daemon's settings, each of them valid by itself and with the others. */
public record WorkerConfig(
    WorkerId workerId,
    Connection connection,
    Loop loop,
    Command command,
    RetryPolicy retry,
    Logs logs,
    Optional<HttpSettings> http) {

  /**
   * Reads and checks all settings.
   *
   * @throws ConfigException with every mistake
   */
  public static WorkerConfig from(ConfigSource source) throws ConfigException {
    return new ConfigReader(source).read();
  }

  /**
   * Reads only how the database is reached.
   *
   * @throws ConfigException with every mistake in that
   */
  public static Connection connection(ConfigSource source) throws ConfigException {
    return new ConfigReader(source).readConnection();
  }

  /**
   * Reads only what the dashboard needs.
   *
   * @throws ConfigException with every mistake in that
   */
  public static Dashboard dashboard(ConfigSource source, HttpAddress address)
      throws ConfigException {
    return new ConfigReader(source).readDashboard(address);
  }

  /**
   * How the database is reached.
   *
   * @param origin where the URL was found, for messages
   * @param listenUrl where notifications come from
   */
  public record Connection(
      DatabaseUrl url, String origin, DatabaseUrl listenUrl, boolean listen, boolean migrate) {}

  /**
   * How the worker claims.
   *
   * @param concurrency slots: runs at the same time
   */
  public record Loop(
      Duration pollInterval,
      int concurrency,
      Duration lease,
      Duration drainTimeout,
      boolean exitWhenIdle) {}

  /**
   * What is run.
   *
   * @param template empty when the default one holds
   * @param workingDir absolute
   * @param declared the variables of {@code .env} that a workflow gets on top of the environment
   * @param withheld the names in the environment and in {@code .env} that it does not get
   */
  public record Command(
      Optional<CommandTemplate> template,
      Path workingDir,
      Duration timeout,
      Duration grace,
      long outputLimitBytes,
      Map<String, String> declared,
      Set<String> withheld) {}

  /**
   * What is kept in files.
   *
   * @param directory absolute
   * @param stateDirectory absolute
   * @param retention of the runs' log files
   */
  public record Logs(LogLevel level, Path directory, Path stateDirectory, Duration retention) {}

  /**
   * What the dashboard needs.
   *
   * @param logs where the output of attempts is looked for; absolute
   */
  public record Dashboard(Connection connection, HttpSettings http, Path logs) {}
}
