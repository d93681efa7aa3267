package com.cape.worker.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Settings come from the option, else the environment, else {@code .env}; empty is absent. */
public final class ConfigSource {
  private static final Path DEFAULT_ENV_FILE = Path.of(".env");
  private static final String PLAIN_DATABASE_URL = "DATABASE_URL";

  private final Map<Setting, String> options;
  private final Map<String, String> environment;
  private final DotEnv dotEnv;

  private ConfigSource(
      Map<Setting, String> options, Map<String, String> environment, DotEnv dotEnv) {
    this.options = Map.copyOf(options);
    this.environment = Map.copyOf(environment);
    this.dotEnv = dotEnv;
  }

  /** Without a file that the user named, {@code .env} may be absent. */
  public static ConfigSource of(
      Map<Setting, String> options, Map<String, String> environment, Optional<Path> envFile)
      throws ConfigException {
    boolean read = envFile.isPresent() || Files.exists(DEFAULT_ENV_FILE);
    Path file = envFile.orElse(DEFAULT_ENV_FILE);
    return new ConfigSource(options, environment, read ? DotEnv.read(file) : DotEnv.absent(file));
  }

  /** A setting for people to read, without secrets. */
  public record Shown(String name, String value, String origin) {}

  /** Every setting that does not have its default. */
  public List<Shown> shown() {
    return Arrays.stream(Setting.values())
        .flatMap(setting -> find(setting).map(given -> shown(setting, given)).stream())
        .toList();
  }

  private static Shown shown(Setting setting, Given given) {
    // A malformed one may hold its password anywhere.
    boolean secret = setting == Setting.DATABASE_URL || setting == Setting.LISTEN_URL;
    return new Shown(given.name(), secret ? "****" : Secrets.mask(given.text()), given.origin());
  }

  public boolean has(Setting setting) {
    return find(setting).isPresent();
  }

  /** Empty when the default holds. */
  Optional<Given> find(Setting setting) {
    if (options.containsKey(setting)) {
      String option = setting.option().orElseThrow();
      return Optional.of(new Given(options.get(setting), option, "option"));
    }
    Optional<Given> found = variable(setting.variable());
    return setting == Setting.DATABASE_URL ? found.or(() -> variable(PLAIN_DATABASE_URL)) : found;
  }

  /** The variable from the environment, else from {@code .env}. */
  Optional<Given> variable(String name) {
    String value = environment.getOrDefault(name, "");
    if (!value.isEmpty()) {
      return Optional.of(new Given(value, name, "environment"));
    }
    String line = dotEnv.values().getOrDefault(name, "");
    return line.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new Given(line, name, "%s line %d".formatted(dotEnv.file(), dotEnv.lines().get(name))));
  }

  Map<String, String> environment() {
    return environment;
  }

  Map<String, String> declared() {
    return dotEnv.values();
  }

  /**
   * @param name the option or variable
   * @param origin for a message: {@code option}, {@code environment} or {@code .env line 3}
   */
  record Given(String text, String name, String origin) {}
}
