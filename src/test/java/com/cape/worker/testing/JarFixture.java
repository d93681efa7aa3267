package com.cape.worker.testing;

import static org.awaitility.Awaitility.await;

import com.cape.worker.store.schema.Migrator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/** A directory with a shell script as the workflow, and a database of its own. */
public final class JarFixture {
  public final TestDatabase database = TestDatabase.create();
  public final Path directory;

  public JarFixture(Path directory, String script) throws IOException {
    this.directory = directory;
    Path adw = directory.resolve("adw");
    Files.writeString(adw, "#!/bin/bash\n" + script + "\n");
    Files.setPosixFilePermissions(
        adw, java.nio.file.attribute.PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** Starts a worker on the database. */
  public WorkerProcess worker(String id, String... arguments) {
    return WorkerProcess.start(directory, environment(Map.of("CAPE_WORKER_ID", id)), arguments);
  }

  /** The settings of a worker, with some of one's own. */
  public Map<String, String> environment(Map<String, String> own) {
    Map<String, String> environment = new HashMap<>();
    environment.put("CAPE_DATABASE_URL", database.url());
    environment.put("CAPE_ADW_COMMAND", "./adw {id} {description}");
    environment.put("CAPE_POLL_INTERVAL", "1");
    environment.put("CAPE_GRACE", "1");
    environment.putAll(own);
    return environment;
  }

  /** Runs a command to its end; returns what it printed. */
  public String run(String... command) throws InterruptedException {
    try (WorkerProcess process = WorkerProcess.start(directory, environment(Map.of()), command)) {
      process.exitCode();
      return process.output();
    }
  }

  /** Brings the schema up to date. */
  public JarFixture migrated() {
    new Migrator(database.dataSource()).migrate();
    return this;
  }

  public void insert(String description) {
    database.execute(
        "INSERT INTO cape_issues (description) VALUES ('" + description.replace("'", "''") + "')");
  }

  /** Waits until a query's first value is that one. */
  public void awaitValue(String expected, String sql) {
    await(sql + " = " + expected)
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(50))
        .until(() -> database.value(sql), expected::equals);
  }

  public String read(String file) throws IOException {
    return Files.readString(directory.resolve(file));
  }
}
