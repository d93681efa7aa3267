package com.cape.worker.cli;

import com.cape.worker.config.ConfigException;
import com.cape.worker.config.ConfigSource;
import com.cape.worker.config.Setting;
import com.cape.worker.config.WorkerConfig;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/** The options that every subcommand shares. */
final class DatabaseOptions {
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

  WorkerConfig.Connection connection() throws ConfigException {
    Map<Setting, String> given =
        databaseUrl.map(url -> Map.of(Setting.DATABASE_URL, url)).orElse(Map.of());
    return WorkerConfig.connection(ConfigSource.of(given, System.getenv(), envFile));
  }
}
