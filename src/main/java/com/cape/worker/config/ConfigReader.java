package com.cape.worker.config;

import com.cape.worker.config.ConfigSource.Given;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.issue.WorkerId;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Reads settings; a {@link ConfigException} names every mistake. Used once. */
public final class ConfigReader {
  private static final Pattern NAME_OF_ACCOUNT = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");
  private static final long BYTES_PER_MIB = 1 << 20;
  private static final int SHORTEST_LEASE_SECONDS = 10;
  // Between the KILL and the end of the lease.
  private static final int LEASE_RESERVE_SECONDS = 2;
  private static final String NO_RULES = "none";
  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");
  // What the JVM reads where the locale's encoding has no such byte.
  private static final String UNREADABLE = "\uFFFD";
  private static final Set<String> SECRETS =
      Set.of("CAPE_DATABASE_URL", "CAPE_LISTEN_URL", "PGPASSWORD", "CAPE_HTTP_TOKEN");
  // Set by systemd for the service itself (systemd.exec(5), sd_notify(3)), or for this JVM.
  private static final Pattern FOR_THE_WORKER =
      Pattern.compile(
          "NOTIFY_SOCKET|WATCHDOG_.*|LISTEN_.*|INVOCATION_ID|JOURNAL_STREAM|CREDENTIALS_DIRECTORY"
              + "|JAVA_TOOL_OPTIONS|JDK_JAVA_OPTIONS");

  private final ConfigSource source;
  private final FileCheck endingRules;
  private final List<String> mistakes = new ArrayList<>();

  /** Returns what is wrong with a file, a line for each mistake. */
  @FunctionalInterface
  public interface FileCheck {
    List<String> mistakes(Path file);
  }

  /** The package of the ending rules is above this one, so that their check is handed in. */
  public ConfigReader(ConfigSource source, FileCheck endingRules) {
    this.source = source;
    this.endingRules = endingRules;
  }

  /** For commands that use no ending rules: their file is not looked at. */
  public ConfigReader(ConfigSource source) {
    this(source, file -> List.of());
  }

  public WorkerConfig read() throws ConfigException {
    Optional<WorkerId> id = required(Setting.WORKER_ID, WorkerId::new);
    Optional<WorkerConfig.Connection> connection = connection();
    WorkerConfig.Loop loop = loop();
    WorkerConfig.Command command = command();
    RetryPolicy retry =
        new RetryPolicy(
            number(Setting.MAX_ATTEMPTS, 0),
            seconds(Setting.RETRY_DELAY, 1),
            seconds(Setting.RETRY_MAX_DELAY, 1));
    Optional<HttpSettings> http = optional(Setting.HTTP, HttpAddress::parse).map(this::http);
    WorkerConfig.Logs logs = logs(id);
    checkGrace(command.grace(), loop.lease());
    checkMistakes();
    return new WorkerConfig(
        id.orElseThrow(), connection.orElseThrow(), loop, command, retry, logs, http);
  }

  public WorkerConfig.Connection readConnection() throws ConfigException {
    Optional<WorkerConfig.Connection> connection = connection();
    checkMistakes();
    return connection.orElseThrow();
  }

  public WorkerConfig.Endings readEndings() throws ConfigException {
    WorkerConfig.Endings endings = endings();
    checkMistakes();
    return endings;
  }

  public WorkerConfig.Dashboard readDashboard(HttpAddress address) throws ConfigException {
    Optional<WorkerConfig.Connection> connection = connection();
    HttpSettings http = http(address);
    Path logs = path(Setting.LOG_DIR);
    checkMistakes();
    return new WorkerConfig.Dashboard(connection.orElseThrow(), http, logs);
  }

  private void checkMistakes() throws ConfigException {
    if (!mistakes.isEmpty()) {
      throw new ConfigException(mistakes);
    }
  }

  private HttpSettings http(HttpAddress address) {
    Optional<Given> token = source.variable(HttpSettings.TOKEN_VARIABLE);
    if (token.isEmpty() && !address.loopback()) {
      mistakes.add(
          "%s can be reached from other hosts: set %s to a secret of at least %d characters, or choose 127.0.0.1:%d"
              .formatted(
                  address,
                  HttpSettings.TOKEN_VARIABLE,
                  HttpSettings.SHORTEST_TOKEN,
                  address.port()));
    }
    if (token.filter(given -> given.text().length() < HttpSettings.SHORTEST_TOKEN).isPresent()) {
      mistakes.add(
          "%s: must have at least %d characters"
              .formatted(place(token.get()), HttpSettings.SHORTEST_TOKEN));
    }
    return new HttpSettings(address, token.map(Given::text));
  }

  private Optional<WorkerConfig.Connection> connection() {
    Optional<Given> given = source.find(Setting.DATABASE_URL);
    if (given.isEmpty()) {
      mistakes.add(missing(Setting.DATABASE_URL));
    }
    Optional<DatabaseUrl> url = databaseUrl(Setting.DATABASE_URL);
    Optional<DatabaseUrl> listenUrl = databaseUrl(Setting.LISTEN_URL).or(() -> url);
    boolean listen = flag(Setting.LISTEN);
    boolean migrate = flag(Setting.MIGRATE);
    return url.map(
        found ->
            new WorkerConfig.Connection(
                found, place(given.orElseThrow()), listenUrl.orElse(found), listen, migrate));
  }

  private WorkerConfig.Loop loop() {
    return new WorkerConfig.Loop(
        seconds(Setting.POLL_INTERVAL, 1),
        number(Setting.CONCURRENCY, 1),
        orDefault(Setting.ACCOUNT, ConfigReader::account),
        seconds(Setting.LEASE, SHORTEST_LEASE_SECONDS),
        seconds(Setting.DRAIN_TIMEOUT, 1),
        flag(Setting.EXIT_WHEN_IDLE),
        endings());
  }

  private WorkerConfig.Endings endings() {
    Optional<Given> given = source.find(Setting.ENDING_RULES);
    if (given.isEmpty() || given.get().text().strip().equals(NO_RULES)) {
      return new WorkerConfig.Endings(given.isEmpty(), Optional.empty());
    }
    int before = mistakes.size();
    Path file = path(Setting.ENDING_RULES);
    if (mistakes.size() == before) {
      endingRules
          .mistakes(file)
          .forEach(what -> mistakes.add("%s: %s".formatted(place(given.get()), what)));
    }
    return new WorkerConfig.Endings(true, Optional.of(file));
  }

  private WorkerConfig.Command command() {
    Set<String> passed = optional(Setting.PASS_ENV, ConfigReader::names).orElse(Set.of());
    String databaseVariable = source.find(Setting.DATABASE_URL).map(Given::name).orElse("");
    Map<String, String> declared = new HashMap<>(source.declared());
    Set<String> withheld = new TreeSet<>(declared.keySet());
    withheld.addAll(source.environment().keySet());
    withheld.removeIf(name -> passed.contains(name) || !ofWorker(name, databaseVariable));
    declared.keySet().removeAll(source.environment().keySet());
    declared.keySet().removeAll(withheld);
    declared.keySet().removeIf(name -> !NAME.matcher(name).matches());
    return new WorkerConfig.Command(
        optional(Setting.ADW_COMMAND, CommandTemplate::parse),
        path(Setting.WORKING_DIR),
        seconds(Setting.WORKFLOW_TIMEOUT, 1),
        seconds(Setting.GRACE, 1),
        number(Setting.OUTPUT_LIMIT, 1) * BYTES_PER_MIB,
        orDefault(Setting.ON_WORKER_DEATH, ConfigReader::keeps),
        Map.copyOf(declared),
        withheld);
  }

  private static boolean ofWorker(String name, String databaseVariable) {
    return SECRETS.contains(name)
        || name.equals(databaseVariable)
        || FOR_THE_WORKER.matcher(name).matches();
  }

  private WorkerConfig.Logs logs(Optional<WorkerId> id) {
    Path directory = path(Setting.LOG_DIR);
    Path state =
        source.find(Setting.STATE_DIR).isPresent()
            ? path(Setting.STATE_DIR)
            : directory.resolve("state").resolve(id.map(WorkerId::value).orElse("unnamed"));
    // The protocol of the guardian has one path a line.
    if (state.toString().contains("\n")) {
      mistakes.add(
          "the path of the state directory holds a line break, from where the worker is started; set "
              + Setting.STATE_DIR.variable());
    }
    return new WorkerConfig.Logs(
        orDefault(Setting.LOG_LEVEL, ConfigReader::logLevel),
        directory,
        state,
        Duration.ofDays(number(Setting.LOG_RETENTION, 1)));
  }

  private void checkGrace(Duration grace, Duration lease) {
    if (grace.plusSeconds(LEASE_RESERVE_SECONDS).multipliedBy(2).compareTo(lease) > 0) {
      mistakes.add(
          "%s is too long for %s: it may be at most half of the lease less %d s"
              .formatted(
                  described(Setting.GRACE), described(Setting.LEASE), LEASE_RESERVE_SECONDS));
    }
  }

  private String described(Setting setting) {
    return source
        .find(setting)
        .map(given -> "%s %s (%s)".formatted(given.name(), given.text(), given.origin()))
        .orElseGet(
            () ->
                "%s %s (default)"
                    .formatted(
                        setting.option().orElseThrow(), setting.defaultValue().orElseThrow()));
  }

  private Optional<DatabaseUrl> databaseUrl(Setting setting) {
    Optional<Given> given = source.find(setting);
    Optional<String> password = Optional.ofNullable(source.environment().get("PGPASSWORD"));
    try {
      return given
          .map(Given::text)
          .map(DatabaseUrl::parse)
          .map(url -> url.withDefaultPassword(password));
    } catch (IllegalArgumentException e) {
      mistakes.add("%s: %s".formatted(place(given.orElseThrow()), e.getMessage()));
      return Optional.empty();
    }
  }

  private <T> Optional<T> required(Setting setting, Function<String, T> parser) {
    if (source.find(setting).isEmpty()) {
      mistakes.add(missing(setting));
    }
    return optional(setting, parser);
  }

  private <T> Optional<T> optional(Setting setting, Function<String, T> parser) {
    Optional<Given> given = source.find(setting);
    try {
      if (given.isPresent() && given.get().text().contains(UNREADABLE)) {
        throw new IllegalArgumentException(
            "holds characters that this locale cannot read; set LANG=C.UTF-8 or give it in .env");
      }
      return given.map(Given::text).map(parser);
    } catch (InvalidPathException e) {
      mistakes.add("%s is no path: %s".formatted(shown(given.orElseThrow()), e.getReason()));
    } catch (IllegalArgumentException e) {
      mistakes.add("%s: %s".formatted(shown(given.orElseThrow()), e.getMessage()));
    }
    return Optional.empty();
  }

  private <T> T orDefault(Setting setting, Function<String, T> parser) {
    return optional(setting, parser)
        .orElseGet(() -> parser.apply(setting.defaultValue().orElseThrow()));
  }

  private Path path(Setting setting) {
    Path fallback = Path.of(setting.defaultValue().orElse("")).toAbsolutePath().normalize();
    return optional(
            setting,
            text -> {
              if (text.isBlank()) {
                throw new IllegalArgumentException("is empty");
              }
              if (text.contains("\n")) {
                throw new IllegalArgumentException("holds a line break");
              }
              return Path.of(text).toAbsolutePath().normalize();
            })
        .orElse(fallback);
  }

  private Duration seconds(Setting setting, int least) {
    return Duration.ofSeconds(number(setting, least));
  }

  private int number(Setting setting, int least) {
    return orDefault(setting, text -> wholeNumber(text, least));
  }

  private boolean flag(Setting setting) {
    return orDefault(setting, ConfigReader::truth);
  }

  private static int wholeNumber(String text, int least) {
    try {
      int number = Integer.parseInt(text.strip());
      if (number >= least) {
        return number;
      }
    } catch (NumberFormatException e) {
      // The same message as for a number that is too small.
    }
    throw new IllegalArgumentException(
        "must be a whole number from %d to %d".formatted(least, Integer.MAX_VALUE));
  }

  /** An account is named as a worker is. */
  public static String account(String text) {
    if (!NAME_OF_ACCOUNT.matcher(text).matches()) {
      throw new IllegalArgumentException(
          "must be 1-100 of A-Z a-z 0-9 . _ -, beginning with a letter or digit");
    }
    return text;
  }

  private static boolean keeps(String text) {
    return switch (text.strip().toLowerCase(Locale.ROOT)) {
      case "keep" -> true;
      case "end" -> false;
      default -> throw new IllegalArgumentException("must be keep or end");
    };
  }

  private static boolean truth(String text) {
    return switch (text.strip().toLowerCase(Locale.ROOT)) {
      case "true", "1", "yes", "on" -> true;
      case "false", "0", "no", "off" -> false;
      default -> throw new IllegalArgumentException("must be true or false");
    };
  }

  private static WorkerConfig.LogLevel logLevel(String text) {
    try {
      return WorkerConfig.LogLevel.valueOf(text.strip().toUpperCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL", e);
    }
  }

  private static Set<String> names(String text) {
    Set<String> names =
        Arrays.stream(text.split(","))
            .map(String::strip)
            .filter(name -> !name.isEmpty())
            .collect(Collectors.toSet());
    if (!names.stream().allMatch(name -> NAME.matcher(name).matches())) {
      throw new IllegalArgumentException("must be names of variables, separated by commas");
    }
    return names;
  }

  private static String missing(Setting setting) {
    return "%s is missing: give it, or set %s in the environment or in .env"
        .formatted(setting.option().orElseThrow(), setting.variable());
  }

  private static String shown(Given given) {
    return "%s '%s' (%s)".formatted(given.name(), given.text(), given.origin());
  }

  private static String place(Given given) {
    return "%s (%s)".formatted(given.name(), given.origin());
  }
}
