package com.cape.worker.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigSourceTest {
  @TempDir private Path directory;

  @Test
  void defaultsAreTheDocumentedOnes() throws Exception {
    WorkerConfig config = read(Map.of(), "");
    assertEquals(Duration.ofSeconds(10), config.loop().pollInterval());
    assertEquals(Duration.ofHours(1), config.command().timeout());
    assertEquals(Duration.ofMinutes(5), config.loop().lease());
    assertEquals(50L << 20, config.command().outputLimitBytes());
    assertEquals(Path.of("logs/state/alice").toAbsolutePath(), config.logs().stateDirectory());
    assertTrue(config.connection().listen());
    assertTrue(config.connection().migrate());
    assertEquals(Optional.empty(), config.command().template());
  }

  @Test
  void optionComesBeforeEnvironmentBeforeFileBeforeDefault() throws Exception {
    String file = "CAPE_GRACE=3\nCAPE_POLL_INTERVAL=3\nCAPE_CONCURRENCY=3\n";
    Map<String, String> environment =
        environment(Map.of("CAPE_GRACE", "2", "CAPE_POLL_INTERVAL", "2"));
    WorkerConfig config =
        new ConfigReader(source(Map.of(Setting.GRACE, "1"), environment, file)).read();
    assertEquals(Duration.ofSeconds(1), config.command().grace());
    assertEquals(Duration.ofSeconds(2), config.loop().pollInterval());
    assertEquals(3, config.loop().concurrency());
    assertEquals(5, config.retry().maxAttempts());
  }

  @Test
  void endingRulesAreTheBuiltInOnesAFileOrNone() throws Exception {
    assertEquals(
        new WorkerConfig.Endings(true, Optional.empty()), read(Map.of(), "").loop().endings());
    assertEquals(
        new WorkerConfig.Endings(true, Optional.of(Path.of("r.conf").toAbsolutePath())),
        read(Map.of("CAPE_ENDING_RULES", "r.conf"), "").loop().endings());
    assertEquals(
        new WorkerConfig.Endings(false, Optional.empty()),
        read(Map.of("CAPE_ENDING_RULES", "none"), "").loop().endings());
  }

  @Test
  void mistakesOfTheEndingRulesAreToldWithTheOthers() throws Exception {
    var source =
        source(Map.of(), environment(Map.of("CAPE_ENDING_RULES", "r.conf", "CAPE_GRACE", "x")), "");
    var reader = new ConfigReader(source, file -> List.of(file + " line 1: a", "line 2: b"));
    var thrown = assertThrows(ConfigException.class, reader::read);
    List<String> lines = thrown.getMessage().lines().toList();
    assertEquals(3, lines.size(), thrown.getMessage());
    assertTrue(
        lines.contains(
            "CAPE_ENDING_RULES (environment): "
                + Path.of("r.conf").toAbsolutePath()
                + " line 1: a"),
        thrown.getMessage());
    assertTrue(lines.contains("CAPE_ENDING_RULES (environment): line 2: b"), thrown.getMessage());
  }

  @Test
  void ownDatabaseVariableOfAnySourceComesBeforeThePlainOne() throws Exception {
    Map<String, String> environment =
        Map.of("CAPE_WORKER_ID", "a", "DATABASE_URL", "postgresql://plain/x");
    var source = source(Map.of(), environment, "CAPE_DATABASE_URL=postgresql://own/x\n");
    assertEquals("own:5432", new ConfigReader(source).read().connection().url().hosts());
    var plain = new ConfigReader(source(Map.of(), environment, "")).read();
    assertEquals("plain:5432", plain.connection().url().hosts());
    assertEquals(Set.of("DATABASE_URL"), plain.command().withheld());
  }

  @Test
  void plainDatabaseVariableReachesTheWorkflowWhenItIsNotTheConnection() throws Exception {
    WorkerConfig config = read(Map.of("DATABASE_URL", "postgresql://the-project/x"), "");
    assertEquals(Set.of("CAPE_DATABASE_URL"), config.command().withheld());
  }

  @Test
  void variableOfTheFileAloneIsWithheldAndNamedToo() throws Exception {
    WorkerConfig config =
        read(Map.of("NOTIFY_SOCKET", "/run/x"), "CAPE_HTTP_TOKEN=s3cret\nPGPASSWORD=x\nA=b\n");
    assertEquals(
        List.of("CAPE_DATABASE_URL", "CAPE_HTTP_TOKEN", "NOTIFY_SOCKET", "PGPASSWORD"),
        List.copyOf(config.command().withheld()));
    assertEquals(Map.of("A", "b"), config.command().declared());
  }

  @Test
  void emptyVariableCountsAsAbsent() throws Exception {
    assertEquals(10, read(Map.of("CAPE_POLL_INTERVAL", ""), "").loop().pollInterval().toSeconds());
  }

  @ParameterizedTest
  @CsvSource({
    "A=b,                   b",
    "A='b c',               b c",
    "A=\"b c\",             b c",
    "A = b # a comment,     b",
    "A=\"x # y\",           x # y",
    "A=postgresql://h/d?a=b&c=d, postgresql://h/d?a=b&c=d",
  })
  void linesAreReadAsUsersWriteThem(String line, String value) throws Exception {
    assertEquals(value, read(Map.of(), line + "\n").command().declared().get("A"));
  }

  @Test
  void fileThatCannotBeReadIsToldByItsLineAlone() {
    ConfigException thrown =
        assertThrows(ConfigException.class, () -> read(Map.of(), "A=b\n\nexport C=s3cret\n"));
    assertTrue(thrown.getMessage().contains(".env line 3"), thrown.getMessage());
    assertFalse(thrown.getMessage().contains("s3cret"), thrown.getMessage());
  }

  @Test
  void namedFileMustExist() {
    assertThrows(
        ConfigException.class,
        () -> ConfigSource.of(Map.of(), Map.of(), Optional.of(directory.resolve("absent"))));
  }

  @ParameterizedTest
  @CsvSource({
    "CAPE_LEASE,             9",
    "CAPE_POLL_INTERVAL,     0",
    "CAPE_POLL_INTERVAL,     1.5",
    "CAPE_POLL_INTERVAL,     99999999999",
    "CAPE_RETRY_DELAY,       -1",
    "CAPE_GRACE,             149",
    "CAPE_PASS_ENV,          a b",
    "CAPE_HTTP,              localhost:99999",
    "CAPE_ADW_COMMAND,       adw {nonsense}",
    "CAPE_EXIT_WHEN_IDLE,    perhaps",
    "CAPE_LISTEN_URL,        mysql://x",
  })
  void wrongValueIsNamed(String variable, String value) {
    ConfigException thrown =
        assertThrows(ConfigException.class, () -> read(Map.of(variable, value), ""));
    assertTrue(thrown.getMessage().contains(variable), thrown.getMessage());
    assertEquals(1, thrown.getMessage().lines().count(), thrown.getMessage());
  }

  @Test
  void longestGraceIsHalfOfTheLeaseLessTwoSeconds() throws Exception {
    assertEquals(148, read(Map.of("CAPE_GRACE", "148"), "").command().grace().toSeconds());
  }

  @ParameterizedTest
  @CsvSource({"0.0.0.0:8080", "[::]:80", "db.example:80", "10.0.0.7:0"})
  void addressThatOthersReachNeedsAToken(String address) throws Exception {
    ConfigException daemon =
        assertThrows(ConfigException.class, () -> read(Map.of("CAPE_HTTP", address), ""));
    ConfigException dashboard =
        assertThrows(ConfigException.class, () -> dashboard(address, Map.of()));
    for (ConfigException thrown : List.of(daemon, dashboard)) {
      assertTrue(thrown.getMessage().startsWith(address), thrown.getMessage());
      assertTrue(
          thrown.getMessage().contains("set CAPE_HTTP_TOKEN to a secret"), thrown.getMessage());
      assertEquals(1, thrown.getMessage().lines().count(), thrown.getMessage());
    }
    Map<String, String> token = Map.of("CAPE_HTTP_TOKEN", "0123456789abcdef");
    assertEquals(Optional.of("0123456789abcdef"), dashboard(address, token).http().token());
  }

  @Test
  void tokenIsLongAndIsNeverShown() throws Exception {
    assertEquals(Optional.empty(), dashboard("127.0.0.1:0", Map.of()).http().token());
    String secret = "0123456789abcde";
    ConfigException thrown =
        assertThrows(
            ConfigException.class,
            () -> dashboard("127.0.0.1:0", Map.of("CAPE_HTTP_TOKEN", secret)));
    assertTrue(thrown.getMessage().contains("at least 16 characters"), thrown.getMessage());
    assertFalse(thrown.getMessage().contains(secret), thrown.getMessage());
    var settings = dashboard("127.0.0.1:0", Map.of("CAPE_HTTP_TOKEN", secret + "f"));
    assertFalse(settings.toString().contains(secret), settings.toString());
  }

  private WorkerConfig.Dashboard dashboard(String address, Map<String, String> environment)
      throws Exception {
    return new ConfigReader(source(Map.of(), environment(environment), ""))
        .readDashboard(HttpAddress.parse(address));
  }

  @Test
  void charactersThatTheLocaleCannotReadAreToldOf() {
    ConfigException thrown =
        assertThrows(
            ConfigException.class, () -> read(Map.of("CAPE_ADW_COMMAND", "adw-\uFFFD\uFFFD"), ""));
    assertTrue(thrown.getMessage().contains("LANG=C.UTF-8"), thrown.getMessage());
  }

  private WorkerConfig read(Map<String, String> environment, String file) throws Exception {
    return new ConfigReader(source(Map.of(), environment(environment), file)).read();
  }

  private static Map<String, String> environment(Map<String, String> own) {
    Map<String, String> environment = new HashMap<>();
    environment.put("CAPE_WORKER_ID", "alice");
    environment.put("CAPE_DATABASE_URL", "postgresql://db/cape");
    environment.putAll(own);
    return environment;
  }

  private ConfigSource source(
      Map<Setting, String> options, Map<String, String> environment, String file) throws Exception {
    Path path = Files.writeString(directory.resolve(".env"), file);
    return ConfigSource.of(options, environment, Optional.of(path));
  }
}
