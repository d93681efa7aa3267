package com.cape.worker.config;

import java.util.Optional;

/** The daemon's settings: each an option, an environment variable and a line of .env. */
public enum Setting {
  WORKER_ID(
      "--worker-id",
      "ID",
      "",
      "This worker's name, unique in the fleet: 1-100 of A-Z a-z 0-9 . _ -"),
  DATABASE_URL(
      "--database-url",
      "URL",
      "",
      "postgresql://user:password@host:port/database or jdbc:postgresql://...; else DATABASE_URL"),
  LISTEN_URL(
      "--listen-url",
      "URL",
      "",
      "A direct connection for notifications, where the database URL leads to a pooler"),
  POLL_INTERVAL(
      "--poll-interval", "SECONDS", "10", "Between polls when nothing wakes the worker, +-20 %"),
  LOG_LEVEL("--log-level", "LEVEL", "INFO", "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
  WORKFLOW_TIMEOUT("--workflow-timeout", "SECONDS", "3600", "What one run may take"),
  ADW_COMMAND(
      "--command",
      "TEMPLATE",
      "cape-adw {id} {description}",
      "Split as a shell splits words, run without a shell; {id} {description} {description_file} {attempt}"
          + " {worker_id} are filled in"),
  PASS_ENV("", "NAMES", "", "Withheld variables that the workflow gets all the same"),
  WORKING_DIR("--working-dir", "DIR", ".", "Where the command runs"),
  ACCOUNT(
      "--account",
      "NAME",
      "default",
      "The provider account that its runs use: usage limits are held per account"),
  CONCURRENCY("--concurrency", "N", "1", "Runs at the same time"),
  MAX_ATTEMPTS("--max-attempts", "N", "5", "Attempts an issue gets; 0: no limit"),
  RETRY_DELAY(
      "--retry-delay",
      "SECONDS",
      "15",
      "Wait before attempt 2; times 4 for each further one, +-20 %"),
  RETRY_MAX_DELAY("--retry-max-delay", "SECONDS", "3600", "The longest such wait"),
  LEASE(
      "--lease",
      "SECONDS",
      "300",
      "How long a claim holds without a heartbeat; a heartbeat every tenth of it"),
  GRACE("--grace", "SECONDS", "10", "Between TERM and KILL"),
  DRAIN_TIMEOUT("--drain-timeout", "SECONDS", "300", "How long a stop waits for running workflows"),
  ON_WORKER_DEATH(
      "--on-worker-death",
      "WHAT",
      "keep",
      "keep: a run goes on until its lease ends, for the worker's next process to adopt; end: it is"
          + " ended at once"),
  ENDING_RULES(
      "--ending-rules",
      "FILE",
      "",
      "What in a failed run's output means a usage limit, an overload, a spend limit, a missing login:"
          + " rules that come before the built-in ones; none switches all of them off"),
  LOG_DIR("--log-dir", "DIR", "logs", "The worker's log and the issues' logs"),
  STATE_DIR(
      "--state-dir",
      "DIR",
      "",
      "Lock and run records; by default state/<worker-id> in the log directory"),
  OUTPUT_LIMIT("--output-limit", "MIB", "50", "The most that one run may print"),
  LOG_RETENTION("--log-retention", "DAYS", "30", "For the log files of runs"),
  HTTP("--http", "HOST:PORT", "", "Metrics and health; off by default"),
  EXIT_WHEN_IDLE(
      "--exit-when-idle", "", "false", "Stop when no issue may be claimed now and none is running"),
  LISTEN("--no-listen", "", "true", "Poll only"),
  MIGRATE("--no-migrate", "", "true", "Do not bring the schema up to date at start");

  private final String option;
  private final String parameter;
  private final String defaultValue;
  private final String description;

  Setting(String option, String parameter, String defaultValue, String description) {
    this.option = option;
    this.parameter = parameter;
    this.defaultValue = defaultValue;
    this.description = description;
  }

  /** Empty where there is none. */
  public Optional<String> option() {
    return Optional.of(option).filter(name -> !name.isEmpty());
  }

  /** What stands for the option's value in help; empty for an option without one. */
  public String parameter() {
    return parameter;
  }

  public String variable() {
    return "CAPE_" + name();
  }

  /** Empty where the setting has none, or one that depends on others. */
  public Optional<String> defaultValue() {
    return Optional.of(defaultValue).filter(value -> !value.isEmpty());
  }

  public String description() {
    return description;
  }
}
