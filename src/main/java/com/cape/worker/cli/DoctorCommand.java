package com.cape.worker.cli;

import com.cape.worker.cli.console.Console;
import com.cape.worker.cli.console.DisplayText;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.config.ConfigException;
import com.cape.worker.config.ConfigReader;
import com.cape.worker.config.ConfigSource;
import com.cape.worker.config.Setting;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.daemon.Logging;
import com.cape.worker.dashboard.Warnings;
import com.cape.worker.ending.EndingRules;
import com.cape.worker.http.Json;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.read.Overview;
import com.cape.worker.text.PlainText;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code cape-worker doctor}. It takes the daemon's options, to judge what a daemon would find. */
@Command(
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Checks what a worker needs on this host and in the database.",
      "Give it the options and the .env of"
          + " the worker. Each line is ok, a warning, or failed with what to do; exit code 1 when"
          + " anything failed. Changes nothing.",
      "With --output, or --ending-rules as the only option, it checks the ending rules alone and needs no database."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker doctor",
      "  cape-worker doctor --env-file /etc/cape/worker.env --json",
      "  cape-worker doctor --ending-rules rules.conf --output logs/issues/42/attempt-1-7.log",
      "",
      "JSON: a list of {level, check, text}; level is ok, warning or failed."
    })
public final class DoctorCommand implements Callable<Integer> {
  private static final Duration STATEMENT_LIMIT = Duration.ofSeconds(5);
  private static final int MOST_EXIT = 255;
  private static final String NO_ID = "unnamed";

  @Option(
      names = "--env-file",
      paramLabel = "FILE",
      description = "Settings as NAME=value lines. Default: .env, where it exists.")
  private Optional<Path> envFile = Optional.empty();

  @Option(
      names = "--no-database",
      description = "Leave the database out: it may be unreachable, or not exist yet.")
  private boolean noDatabase;

  @Option(
      names = "--output",
      paramLabel = "LOG",
      description =
          "Only say what the ending rules would take a failed run for that printed this file.")
  private Optional<Path> runOutput = Optional.empty();

  @Option(
      names = "--exit",
      paramLabel = "N",
      description = "That run's exit code, 0 to 255. Default: 1.")
  private Optional<Integer> exit = Optional.empty();

  @Option(names = "--json", description = "Print JSON, as described below.")
  private boolean json;

  @Mixin private Console output;
  @Spec private CommandSpec spec;

  private static final Duration SHORT_LEASE = Duration.ofSeconds(60);

  private final Findings findings = new Findings();

  @Override
  public Integer call() {
    Logging.silence();
    checkUsage();
    if (endingsOnly()) {
      source().ifPresent(this::endings);
    } else {
      all();
    }
    print();
    return (findings.anyFailed() ? ExitCode.FAILED : ExitCode.DONE).number();
  }

  private boolean endingsOnly() {
    Set<Setting> given = SettingOptions.given(spec.commandLine().getParseResult()).keySet();
    return runOutput.isPresent() || (!noDatabase && given.equals(Set.of(Setting.ENDING_RULES)));
  }

  private void checkUsage() {
    if (exit.isPresent() && runOutput.isEmpty()) {
      throw output.wrong("--exit is the exit code of a run; name its output with --output");
    }
    if (exit.filter(code -> code < 0 || code > MOST_EXIT).isPresent()) {
      throw output.wrong("--exit must be a number from 0 to %d".formatted(MOST_EXIT));
    }
  }

  private void all() {
    var host = new HostCheck(findings);
    host.java();
    host.encoding();
    Optional<ConfigSource> source = source();
    source.ifPresent(this::settings);
    Optional<WorkerConfig> config = source.flatMap(this::config);
    config.ifPresent(
        found -> {
          host.command(found.command(), System.getenv());
          host.directory("log directory", found.logs().directory());
          host.directory("state directory", found.logs().stateDirectory());
          adoption(found);
          new EndingCheck(findings).rules(found.loop().endings());
        });
    if (!noDatabase) {
      source.flatMap(this::connection).ifPresent(way -> database(way, host, config));
    }
  }

  /** The ending rules alone, and what they take an output for. */
  private void endings(ConfigSource source) {
    var check = new EndingCheck(findings);
    try {
      WorkerConfig.Endings endings = new ConfigReader(source, EndingRules::mistakes).readEndings();
      Optional<EndingRules> rules = check.rules(endings);
      runOutput.ifPresent(file -> check.output(rules, file, exit.orElse(1)));
    } catch (ConfigException e) {
      mistakes(e);
    }
  }

  private void adoption(WorkerConfig config) {
    if (config.command().keepRuns() && config.loop().lease().compareTo(SHORT_LEASE) < 0) {
      findings.warning(
          "lease",
          "--lease %d leaves the worker's next process little time to adopt a run; 60 or more is safer"
              .formatted(config.loop().lease().toSeconds()));
    }
  }

  private Optional<ConfigSource> source() {
    try {
      Map<Setting, String> given = SettingOptions.given(spec.commandLine().getParseResult());
      var found = ConfigSource.of(given, System.getenv(), envFile);
      if (found.has(Setting.WORKER_ID)) {
        return Optional.of(found);
      }
      if (!endingsOnly()) {
        findings.warning("settings", "no --worker-id: a worker needs one");
      }
      given.put(Setting.WORKER_ID, NO_ID);
      return Optional.of(ConfigSource.of(given, System.getenv(), envFile));
    } catch (ConfigException e) {
      mistakes(e);
      return Optional.empty();
    }
  }

  private void settings(ConfigSource source) {
    source.shown().stream()
        .filter(shown -> !shown.value().equals(NO_ID))
        .forEach(
            shown ->
                findings.ok(
                    "settings",
                    "%s = %s (%s)"
                        .formatted(shown.name(), PlainText.line(shown.value()), shown.origin())));
  }

  private Optional<WorkerConfig> config(ConfigSource source) {
    try {
      return Optional.of(new ConfigReader(source, EndingRules::mistakes).read());
    } catch (ConfigException e) {
      mistakes(e);
      return Optional.empty();
    }
  }

  private void mistakes(ConfigException e) {
    e.getMessage().lines().forEach(line -> findings.failed("settings", PlainText.line(line)));
  }

  private Optional<WorkerConfig.Connection> connection(ConfigSource source) {
    try {
      return Optional.of(new ConfigReader(source).readConnection());
    } catch (ConfigException e) {
      return Optional.empty(); // Said with the other settings.
    }
  }

  private void database(
      WorkerConfig.Connection connection, HostCheck host, Optional<WorkerConfig> config) {
    var check = new DatabaseCheck(findings, connection);
    try (Database open = Database.single(connection.url(), "cape-worker doctor", STATEMENT_LIMIT)) {
      if (!check.server(open)) {
        return;
      }
      check.notifications(open);
      check.schema(open);
      if (!findings.anyFailed()) {
        fleet(open, host, config);
      }
    }
  }

  private void fleet(Database open, HostCheck host, Optional<WorkerConfig> config) {
    try {
      Overview overview = Overview.read(open);
      for (Overview.Worker worker : overview.workers()) {
        config.ifPresent(found -> host.serviceCommand(found.command(), worker));
      }
      Warnings.of(overview).forEach(warning -> findings.warning("fleet", warning));
    } catch (StoreException e) {
      findings.failed("fleet", e.getMessage());
    }
  }

  private void print() {
    if (json) {
      output.line(Json.text(findings.all().stream().map(DoctorCommand::toJson).toList()));
      return;
    }
    for (Findings.Finding finding : findings.all()) {
      String word = DisplayText.padded(finding.level(), 9);
      output.line(
          "%s%s: %s"
              .formatted(
                  finding.level().equals("ok") ? word : output.strong(word),
                  finding.check(),
                  finding.text()));
    }
  }

  private static Json toJson(Findings.Finding finding) {
    return new Json()
        .with("level", finding.level())
        .with("check", finding.check())
        .with("text", finding.text());
  }
}
