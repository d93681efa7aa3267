package com.cape.worker.cli.console;

import com.cape.worker.config.ConfigException;
import com.cape.worker.config.ConfigReader;
import com.cape.worker.config.ConfigSource;
import com.cape.worker.config.Setting;
import com.cape.worker.config.WorkerConfig;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import picocli.CommandLine.Option;

/** The options that every subcommand shares. */
public final class DatabaseOptions {
  private static final Duration STATEMENT_LIMIT = Duration.ofSeconds(5);

  @Option(
      names = "--database-url",
      paramLabel = "URL",
      description = "postgresql://user:password@host:port/database [CAPE_DATABASE_URL]")
  private Optional<String> databaseUrl = Optional.empty();

  @Option(
      names = "--env-file",
      paramLabel = "FILE",
      description = "Settings as NAME=value lines. Default: .env, where it exists.")
  private Optional<Path> envFile = Optional.empty();

  <T> T use(Function<Database, T> work) throws ConfigException {
    WorkerConfig.Connection connection = connection();
    try (Database database =
        Database.single(connection.url(), "cape-worker command", STATEMENT_LIMIT)) {
      return work.apply(database);
    } catch (StoreException e) {
      throw Refusal.ofCommand(e, connection.origin());
    }
  }

  public WorkerConfig.Connection connection() throws ConfigException {
    return new ConfigReader(source(Map.of())).readConnection();
  }

  /** Where settings come from; {@code others} are the values of the command's own options. */
  public ConfigSource source(Map<Setting, String> others) throws ConfigException {
    Map<Setting, String> given = new EnumMap<>(Setting.class);
    given.putAll(others);
    databaseUrl.ifPresent(url -> given.put(Setting.DATABASE_URL, url));
    return ConfigSource.of(given, System.getenv(), envFile);
  }
}
