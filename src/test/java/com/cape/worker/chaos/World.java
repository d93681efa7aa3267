package com.cape.worker.chaos;

import com.cape.worker.testing.WorkerProcess;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A PostgreSQL with durable settings, a workflow that leaves traces, and the workers' settings. */
final class World implements AutoCloseable {
  private static final String WORKFLOW =
      """
      #!/bin/bash
      id=$1
      # Its ancestors up to the worker are the processes of its guardian.
      guardian=()
      worker=$PPID
      until [ "$worker" -le 1 ] || grep -qa cape-worker.jar "/proc/$worker/cmdline"; do
        guardian+=("$worker")
        read -r _ _ _ worker _ <"/proc/$worker/stat" || worker=0
      done
      # One of them is gone: nobody else is to suffer for that.
      [ "$worker" -gt 1 ] || { worker=$$; guardian=($$); }
      stopped=no
      nap() { sleep "$1" 9>&-; }
      trace() { printf '%s %s %s\\n' "$1" "$CAPE_RUN_ID" "$CAPE_WORKER_ID" >>"$CHAOS_DIR/traces/$id"; }
      exec 9>>"$CHAOS_DIR/locks/$id"
      flock -n 9 || trace overlap
      trace start
      dice=$(((CHAOS_SEED + id * 7919 + CAPE_FENCE * 104729) % 100))
      if [ "$dice" -lt 8 ]; then
        setsid sleep 300 9>&- &
      elif [ "$dice" -lt 12 ]; then
        sleep 300 9>&- &
      elif [ "$dice" -lt 15 ]; then
        victims=("$worker" "${guardian[@]}")
        victim=${victims[dice % ${#victims[@]}]}
        [ "$victim" = "$worker" ] || trace harm
        kill -9 "$victim"
      elif [ "$dice" -lt 18 ]; then
        # Takes no notice of TERM but in its trace: an exit 0 after a stop is no result.
        trap 'stopped=yes' TERM
        nap() { (trap '' TERM; exec sleep "$1" 9>&-); }
      elif [ "$dice" -lt 22 ]; then
        victim=${guardian[dice % ${#guardian[@]}]}
        # Nobody would wake itself.
        [ "$victim" = $$ ] || { trace harm; kill -STOP "$victim"; }
      fi
      nap "$((dice % 3)).$((dice % 10))"
      if [ "$dice" -ge 90 ]; then
        trace failing
        exit $((dice == 99 ? 65 : 1))
      fi
      [ "$stopped" = no ] && trace done
      exit 0
      """;

  final Path directory;
  private final Path data;
  private final long seed;
  private final String mark = UUID.randomUUID().toString();
  private EmbeddedPostgres server;

  World(Path directory, long seed) throws IOException {
    this.directory = directory;
    this.data = directory.resolve("data");
    this.seed = seed;
    Files.createDirectories(directory.resolve("traces"));
    Files.createDirectories(directory.resolve("locks"));
    Path workflow = directory.resolve("adw");
    Files.writeString(workflow, WORKFLOW);
    if (!workflow.toFile().setExecutable(true)) {
      throw new IOException("cannot make " + workflow + " executable");
    }
    this.server = start(0);
  }

  private EmbeddedPostgres start(int port) throws IOException {
    return EmbeddedPostgres.builder()
        .setDataDirectory(data)
        .setCleanDataDirectory(false)
        .setLocaleConfig("locale", "C")
        .setServerConfig("fsync", "on")
        .setServerConfig("synchronous_commit", "on")
        .setServerConfig("full_page_writes", "on")
        .setPort(port)
        .start();
  }

  int port() {
    return server.getPort();
  }

  /** Stops the server as a crash does, and starts it again. */
  void restartServer() throws IOException, InterruptedException {
    int port = port();
    long postmaster = Long.parseLong(Files.readAllLines(data.resolve("postmaster.pid")).get(0));
    signal(postmaster, "QUIT");
    ProcessHandle.of(postmaster)
        .ifPresent(process -> process.onExit().orTimeout(30, TimeUnit.SECONDS).join());
    server.close(); // Releases its lock on the directory.
    server = start(port);
  }

  /** Starts a worker that reaches the server through that port; each statement goes as text. */
  WorkerProcess worker(String id, int port, Path jar) throws IOException {
    Map<String, String> environment = new HashMap<>();
    environment.put(
        "CAPE_DATABASE_URL",
        "postgresql://postgres@127.0.0.1:%d/postgres?prepareThreshold=0".formatted(port));
    environment.put("CAPE_WORKER_ID", id);
    environment.put("CAPE_ADW_COMMAND", "./adw {id}");
    environment.put("CAPE_POLL_INTERVAL", "1");
    environment.put("CAPE_LEASE", "10");
    environment.put("CAPE_GRACE", "1");
    environment.put("CAPE_RETRY_DELAY", "1");
    environment.put("CAPE_RETRY_MAX_DELAY", "2");
    environment.put("CAPE_MAX_ATTEMPTS", "1000");
    environment.put("CAPE_DRAIN_TIMEOUT", "5");
    environment.put("CAPE_CONCURRENCY", "2");
    environment.put("CHAOS_DIR", directory.toString());
    environment.put("CHAOS_SEED", Long.toString(Math.floorMod(seed, 1_000_000)));
    environment.put("CHAOS_RUN", mark);
    return WorkerProcess.startOn(
        Path.of(System.getProperty("java.home")),
        jar,
        Files.createTempFile(directory, "console", ".txt"),
        directory,
        environment);
  }

  /** The folders of the runs of a worker that live, or are still to be settled. */
  List<Path> runs(String worker) throws IOException {
    Path runs = directory.resolve("logs/state").resolve(worker).resolve("runs");
    if (Files.notExists(runs)) {
      return List.of();
    }
    try (Stream<Path> folders = Files.list(runs)) {
      return folders.toList();
    }
  }

  static void signal(long pid, String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start().waitFor();
  }

  void execute(String sql) throws SQLException {
    try (Connection connection = server.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The same on another thread. It ends when the server stops. */
  void executeAside(String sql) {
    var thread =
        new Thread(
            () -> {
              try {
                execute(sql);
              } catch (SQLException e) {
                System.out.println("chaos: " + e.getMessage().lines().findFirst().orElse(""));
              }
            },
            "chaos-aside");
    thread.setDaemon(true);
    thread.start();
  }

  /** The rows, each as its columns' texts; an empty text for NULL. */
  List<List<String>> rows(String sql) throws SQLException {
    try (Connection connection = server.getPostgresDatabase().getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      List<List<String>> all = new ArrayList<>();
      while (rows.next()) {
        List<String> row = new ArrayList<>();
        for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) {
          row.add(rows.getString(i) == null ? "" : rows.getString(i));
        }
        all.add(row);
      }
      return all;
    }
  }

  long number(String sql) throws SQLException {
    return Long.parseLong(rows(sql).get(0).get(0));
  }

  List<Checker.Trace> traces() throws IOException {
    List<Checker.Trace> traces = new ArrayList<>();
    try (Stream<Path> files = Files.list(directory.resolve("traces"))) {
      for (Path file : files.toList()) {
        for (String line : Files.readAllLines(file)) {
          String[] words = line.split(" ", -1);
          long id = Long.parseLong(file.getFileName().toString());
          traces.add(new Checker.Trace(id, words[0], words[1]));
        }
      }
    }
    return traces;
  }

  /** The living processes that a worker of this world started, or that are one. */
  List<String> processes() throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      return all.filter(path -> path.getFileName().toString().matches("[0-9]+"))
          .filter(path -> read(path.resolve("environ")).contains("CHAOS_RUN=" + mark))
          .map(path -> path + " " + read(path.resolve("cmdline")).replace('\0', ' ').strip())
          .toList();
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return ""; // gone
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
