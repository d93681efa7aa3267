package com.cape.worker.config;

import java.util.Optional;

/** The daemon's settings: each an option, an environment variable and a line of .env. */
public enum Setting {
  WORKER_ID(
      "--worker-id",
      "ID",
      "CAPE_WORKER_ID",
      "",
      "This worker's name, unique in the fleet: 1-100 of A-Z a-z 0-9 . _ -"),
  DATABASE_URL(
      "--database-url",
      "URL",
      "CAPE_DATABASE_URL",
      "",
      "postgresql://user:password@host:port/database or jdbc:postgresql://...; else DATABASE_URL"),
  LISTEN_URL(
      "--listen-url",
      "URL",
      "CAPE_LISTEN_URL",
      "",
      "A direct connection for notifications, where the database URL leads to a pooler"),
  POLL_INTERVAL(
      "--poll-interval",
      "SECONDS",
      "CAPE_POLL_INTERVAL",
      "10",
      "Between polls when nothing wakes the worker, +-20 %"),
  LOG_LEVEL(
      "--log-level", "LEVEL", "CAPE_LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
  WORKFLOW_TIMEOUT(
      "--workflow-timeout", "SECONDS", "CAPE_WORKFLOW_TIMEOUT", "3600", "What one run may take"),
  COMMAND(
      "--command",
      "TEMPLATE",
      "CAPE_ADW_COMMAND",
      "cape-adw {id} {description}",
      "Split as a shell splits words, run without a shell; {id} {description} {description_file} {attempt}"
          + " {worker_id} are filled in"),
  PASS_ENV(
      "", "NAMES", "CAPE_PASS_ENV", "", "Withheld variables that the workflow gets all the same"),
  WORKING_DIR("--working-dir", "DIR", "CAPE_WORKING_DIR", ".", "Where the command runs"),
  CONCURRENCY("--concurrency", "N", "CAPE_CONCURRENCY", "1", "Runs at the same time"),
  MAX_ATTEMPTS(
      "--max-attempts", "N", "CAPE_MAX_ATTEMPTS", "5", "Attempts an issue gets; 0: no limit"),
  RETRY_DELAY(
      "--retry-delay",
      "SECONDS",
      "CAPE_RETRY_DELAY",
      "15",
      "Wait before attempt 2; times 4 for each further one, +-20 %"),
  RETRY_MAX_DELAY(
      "--retry-max-delay", "SECONDS", "CAPE_RETRY_MAX_DELAY", "3600", "The longest such wait"),
  LEASE(
      "--lease",
      "SECONDS",
      "CAPE_LEASE",
      "300",
      "How long a claim holds without a heartbeat; a heartbeat every tenth of it"),
  GRACE("--grace", "SECONDS", "CAPE_GRACE", "10", "Between TERM and KILL"),
  DRAIN_TIMEOUT(
      "--drain-timeout",
      "SECONDS",
      "CAPE_DRAIN_TIMEOUT",
      "300",
      "How long a stop waits for running workflows"),
  LOG_DIR("--log-dir", "DIR", "CAPE_LOG_DIR", "logs", "The worker's log and the issues' logs"),
  STATE_DIR(
      "--state-dir",
      "DIR",
      "CAPE_STATE_DIR",
      "",
      "Lock and run records; by default state/<worker-id> in the log directory"),
  OUTPUT_LIMIT(
      "--output-limit", "MIB", "CAPE_OUTPUT_LIMIT", "50", "The most that one run may print"),
  LOG_RETENTION("--log-retention", "DAYS", "CAPE_LOG_RETENTION", "30", "For the log files of runs"),
  HTTP("--http", "HOST:PORT", "CAPE_HTTP", "", "Metrics and health; off by default"),
  EXIT_WHEN_IDLE(
      "--exit-when-idle",
      "",
      "CAPE_EXIT_WHEN_IDLE",
      "false",
      "Stop when no issue may be claimed now and none is running"),
  LISTEN("--no-listen", "", "CAPE_LISTEN", "true", "Poll only"),
  MIGRATE(
      "--no-migrate", "", "CAPE_MIGRATE", "true", "Do not bring the schema up to date at start");

  private final String option;
  private final String parameter;
  private final String variable;
  private final String defaultValue;
  private final String description;

  Setting(
      String option, String parameter, String variable, String defaultValue, String description) {
    this.option = option;
    this.parameter = parameter;
    this.variable = variable;
    this.defaultValue = defaultValue;
    this.description = description;
  }

  /** The option's name; empty where there is none. */
  public Optional<String> option() {
    return Optional.of(option).filter(name -> !name.isEmpty());
  }

  /** What stands for the option's value in help; empty for an option without one. */
  public String parameter() {
    return parameter;
  }

  public String variable() {
    return variable;
  }

  /** Empty where the setting has none, or one that depends on others. */
  public Optional<String> defaultValue() {
    return Optional.of(defaultValue).filter(value -> !value.isEmpty());
  }

  public String description() {
    return description;
  }
}
