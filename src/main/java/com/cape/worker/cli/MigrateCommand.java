package com.cape.worker.cli;

import com.cape.worker.cli.console.Console;
import com.cape.worker.cli.console.DatabaseOptions;
import com.cape.worker.cli.console.ExitCode;
import com.cape.worker.cli.console.Refusal;
import com.cape.worker.config.ConfigException;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.daemon.Logging;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.store.schema.ServerCheck;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    mixinStandardHelpOptions = true,
    description = {
      "Brings the schema up to date.",
      "Creates or extends cape_issues and the worker's own tables. The daemon does the same when it starts. Safe on a live table, and to be run again."
    },
    footer = {"", "Examples:", "  cape-worker migrate", "  cape-worker migrate --print | psql"})
public final class MigrateCommand implements Callable<Integer> {
  private static final Duration STATEMENT_LIMIT = Duration.ofSeconds(5);

  @Mixin private DatabaseOptions database;

  @Option(
      names = "--print",
      description = "Print the SQL instead of running it, for the tables' owner to run with psql.")
  private boolean print;

  @Mixin private Console console;

  @Override
  public Integer call() throws ConfigException {
    Logging.silence();
    WorkerConfig.Connection connection = database.connection();
    PrintWriter out = console.out();
    try {
      var migrator = new Migrator(connection.url());
      if (migrator.upToDate()) {
        out.println(print ? "-- The schema is up to date." : "the schema is up to date");
      } else if (print) {
        out.print(migrator.pendingSql());
      } else {
        migrator.migrate();
        out.println("the schema has been brought up to date");
      }
      if (!print) {
        warn(connection);
      }
      out.flush();
      return ExitCode.DONE.number();
    } catch (StoreException e) {
      throw Refusal.of(e, connection.origin());
    }
  }

  private void warn(WorkerConfig.Connection connection) {
    try (Database open =
        Database.single(connection.url(), "cape-worker migrate", STATEMENT_LIMIT)) {
      new ServerCheck(open).creatorsWarning().ifPresent(console::note);
    }
  }
}
