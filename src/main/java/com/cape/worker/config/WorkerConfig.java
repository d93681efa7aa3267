package com.cape.worker.config;

import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.issue.WorkerId;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The daemon's settings, valid together. */
public record WorkerConfig(
    WorkerId workerId,
    Connection connection,
    Loop loop,
    Command command,
    RetryPolicy retry,
    Logs logs,
    Optional<HttpSettings> http) {

  /** The origin says where the URL was found. */
  public record Connection(
      DatabaseUrl url, String origin, DatabaseUrl listenUrl, boolean listen, boolean migrate) {}

  /**
   * @param account the provider account whose limits the runs meet
   */
  public record Loop(
      Duration pollInterval,
      int concurrency,
      String account,
      Duration lease,
      Duration drainTimeout,
      boolean exitWhenIdle,
      Endings endings) {}

  /**
   * How failed runs are judged by their output.
   *
   * @param judged whether they are at all
   * @param rules the user's file of rules, absolute; empty where the built-in ones are all
   */
  public record Endings(boolean judged, Optional<Path> rules) {}

  /**
   * @param template empty for the default one
   * @param workingDir absolute
   * @param keepRuns whether runs go on when the worker is gone, for its next process to adopt
   * @param declared the variables of {@code .env} that a workflow gets on top of the environment
   * @param withheld the variables that it does not get
   */
  public record Command(
      Optional<CommandTemplate> template,
      Path workingDir,
      Duration timeout,
      Duration grace,
      long outputLimitBytes,
      boolean keepRuns,
      Map<String, String> declared,
      Set<String> withheld) {

    /** Returns the PATH by which a worker of this environment finds its command. */
    public String searchPath(Map<String, String> environment) {
      return environment.getOrDefault("PATH", declared.getOrDefault("PATH", "/usr/bin:/bin"));
    }
  }

  /** How much is logged; each level includes the ones after it. */
  public enum LogLevel {
    DEBUG,
    INFO,
    WARNING,
    ERROR,
    CRITICAL
  }

  /** The paths are absolute; the retention is that of the runs' log files. */
  public record Logs(LogLevel level, Path directory, Path stateDirectory, Duration retention) {}

  /** The logs are those of the workers on this host. */
  public record Dashboard(Connection connection, HttpSettings http, Path logs) {}
}
