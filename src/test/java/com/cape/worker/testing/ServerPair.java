package com.cape.worker.testing;

import static org.awaitility.Awaitility.await;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A primary and its standby, with durable settings; the one can be killed, the other promoted. */
public final class ServerPair implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final String STANDBY = "standby";

  private final Path primaryData;
  private final EmbeddedPostgres primary;
  private final EmbeddedPostgres standby;

  /**
   * Starts both.
   *
   * @param synchronous whether a commit on the primary waits for the standby
   */
  public ServerPair(Path directory, boolean synchronous) throws IOException, InterruptedException {
    primaryData = directory.resolve("primary");
    Path standbyData = directory.resolve(STANDBY);
    EmbeddedPostgres first = start(primaryData, 0, "");
    int port = first.getPort();
    first.close();
    copy(primaryData, standbyData);
    primary = start(primaryData, port, synchronous ? STANDBY : "");
    Files.createFile(standbyData.resolve("standby.signal"));
    Files.writeString(
        standbyData.resolve("postgresql.auto.conf"),
        "primary_conninfo = 'host=127.0.0.1 port=%d user=postgres application_name=%s'%n"
            .formatted(port, STANDBY));
    standby = start(standbyData, 0, "");
    awaitOnPrimary(synchronous ? "sync" : "async", "SELECT sync_state FROM pg_stat_replication");
  }

  private static EmbeddedPostgres start(Path data, int port, String synchronousStandby)
      throws IOException {
    return EmbeddedPostgres.builder()
        .setDataDirectory(data)
        .setCleanDataDirectory(false)
        .setLocaleConfig("locale", "C")
        .setServerConfig("fsync", "on")
        .setServerConfig("synchronous_commit", "on")
        .setServerConfig("full_page_writes", "on")
        .setServerConfig("synchronous_standby_names", synchronousStandby)
        .setPort(port)
        .start();
  }

  private static void copy(Path from, Path to) throws IOException, InterruptedException {
    int exitCode =
        new ProcessBuilder("cp", "-a", from.toString(), to.toString())
            .inheritIO()
            .start()
            .waitFor();
    if (exitCode != 0) {
      throw new IOException("cannot copy " + from);
    }
  }

  /** Both hosts, the standby first. */
  public String url() {
    return "postgresql://postgres@127.0.0.1:%d,127.0.0.1:%d/postgres?connect_timeout=2"
        .formatted(standby.getPort(), primary.getPort());
  }

  /** The standby alone. */
  public String standbyUrl() {
    return "postgresql://postgres@127.0.0.1:%d/postgres".formatted(standby.getPort());
  }

  /** Ends the primary as kill -9 does. */
  public void killPrimary() throws IOException, InterruptedException {
    long pid =
        Long.parseLong(Files.readAllLines(primaryData.resolve("postmaster.pid")).get(0).strip());
    Processes.signal("KILL", pid);
    ProcessHandle.of(pid)
        .ifPresent(
            postmaster ->
                postmaster.onExit().orTimeout(LIMIT.toSeconds(), TimeUnit.SECONDS).join());
  }

  /** From here on the standby receives nothing. */
  public void disconnectStandby() {
    executeOnStandby("ALTER SYSTEM SET primary_conninfo = ''");
    executeOnStandby("SELECT pg_reload_conf()");
    awaitValue(standby, "0", "SELECT count(*) FROM pg_stat_wal_receiver");
  }

  /** Makes the standby the new primary. */
  public void promoteStandby() {
    executeOnStandby("SELECT pg_promote()");
  }

  public void executeOnPrimary(String sql) {
    execute(primary, sql);
  }

  public void executeOnStandby(String sql) {
    execute(standby, sql);
  }

  private static void execute(EmbeddedPostgres server, String sql) {
    try (Connection connection = server.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  public void awaitOnPrimary(String expected, String sql) {
    awaitValue(primary, expected, sql);
  }

  public void awaitOnStandby(String expected, String sql) {
    awaitValue(standby, expected, sql);
  }

  public String onStandby(String sql) {
    return value(standby, sql);
  }

  private static void awaitValue(EmbeddedPostgres server, String expected, String sql) {
    await(sql + " = " + expected)
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(50))
        .until(() -> value(server, sql), expected::equals);
  }

  /** The first column of the first row; empty without a row. */
  private static String value(EmbeddedPostgres server, String sql) {
    try (Connection connection = server.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      return rows.next() ? String.valueOf(rows.getString(1)) : "";
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  @Override
  public void close() throws IOException {
    standby.close();
    primary.close();
  }
}
