package com.cape.worker.cli.console;

import com.cape.worker.config.ConfigException;
import com.cape.worker.store.Database;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** A command that works on one connection to the database. */
@Command(mixinStandardHelpOptions = true)
public abstract class DatabaseCommand implements Callable<Integer> {
  @Mixin protected Console output;
  @Mixin private DatabaseOptions database;

  @Override
  public final Integer call() throws ConfigException {
    check();
    return database.use(this::run).number();
  }

  /** Refuses options that make no sense, before the database is asked. */
  protected void check() {}

  protected abstract ExitCode run(Database open);
}
