package com.cape.worker.cli;

import com.cape.worker.cli.console.Console;
import com.cape.worker.cli.console.DatabaseOptions;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.cli.console.Version;
import com.cape.worker.cli.console.Watch;
import com.cape.worker.config.ConfigException;
import com.cape.worker.config.ConfigReader;
import com.cape.worker.config.HttpAddress;
import com.cape.worker.config.Setting;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.daemon.Logging;
import com.cape.worker.daemon.StopSignals;
import com.cape.worker.dashboard.Dashboard;
import com.cape.worker.host.Machine;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.read.Overview;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    mixinStandardHelpOptions = true,
    description = {
      "Serves a page that shows the queue, the workers and each issue with its output as it comes,"
          + " and where issues are submitted, retried and cancelled, and claims paused.",
      "Runs until it is interrupted. Only this host reaches it, unless --http names another address;"
          + " then, and wherever CAPE_HTTP_TOKEN is set (environment or .env), it asks for that token."
    },
    footer = {
      "",
      "Examples:",
      "  cape-worker dashboard",
      "  cape-worker dashboard --http 0.0.0.0:8080 --env-file dashboard.env"
    })
public final class DashboardCommand implements Callable<Integer> {
  private static final Duration STATEMENT_LIMIT = Duration.ofSeconds(5);

  @Option(
      names = "--http",
      paramLabel = "HOST:PORT",
      description = "Where it is served; port 0 for any. Default: 127.0.0.1:8080.")
  private HttpAddress address = new HttpAddress("127.0.0.1", 8080);

  @Option(
      names = "--log-dir",
      paramLabel = "DIR",
      description =
          "Where this host's workers keep the output of runs; nothing else is read. Default: logs."
              + " [CAPE_LOG_DIR]")
  private Optional<String> logs = Optional.empty();

  @Mixin private DatabaseOptions database;
  @Mixin private Console console;

  @Override
  public Integer call() throws ConfigException, InterruptedException {
    Logging.troubleOnly();
    Map<Setting, String> given =
        logs.map(directory -> Map.of(Setting.LOG_DIR, directory)).orElse(Map.of());
    WorkerConfig.Dashboard config = new ConfigReader(database.source(given)).readDashboard(address);
    check(config.connection());
    var stopped = new CountDownLatch(1);
    new StopSignals((signal, times) -> stopped.countDown()).handle();
    try (Dashboard served =
        Dashboard.start(
            config.http(),
            config.connection().url(),
            Version.number(),
            Machine.hostName(),
            config.logs())) {
      console.line(
          "dashboard: http://%s:%d/ of %s; output files: %s"
              .formatted(
                  address.host(),
                  served.address().getPort(),
                  config.connection().url().hosts(),
                  config.logs()));
      console.out().flush();
      stopped.await();
    } catch (IOException e) {
      throw Refusal.of(address, e);
    }
    return ExitCode.DONE.number();
  }

  /** The page shows that a database is unavailable; settings that are wrong stay wrong. */
  private static void check(WorkerConfig.Connection connection) {
    try (Database open =
        Database.single(connection.url(), "cape-worker dashboard", STATEMENT_LIMIT)) {
      Overview.read(open);
    } catch (StoreException e) {
      if (!Watch.passes(e)) {
        throw Refusal.ofCommand(e, connection.origin());
      }
    }
  }
}
