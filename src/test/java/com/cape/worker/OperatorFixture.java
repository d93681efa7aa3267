package com.cape.worker;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.Appender;
import com.cape.worker.testing.TestDatabase;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;

/** Runs commands on a database of their own, as Main does, within this JVM. */
final class OperatorFixture {
  final TestDatabase database;

  /** What a command printed and ended with. */
  record Ran(int exitCode, String out, String err) {
    /** The lines of its output. */
    List<String> lines() {
      return out.lines().toList();
    }
  }

  private static final Logger ROOT =
      (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);

  OperatorFixture() {
    this(TestDatabase.create());
  }

  OperatorFixture(TestDatabase database) {
    this.database = database;
    run("migrate");
  }

  /** Lets every column of cape_issues be null, as tables that others made may. */
  void allowNulls() {
    database.execute(
        """
        ALTER TABLE cape_issues DROP CONSTRAINT IF EXISTS cape_issues_pkey;
        DO $$
        DECLARE name text;
        BEGIN
          FOR name IN SELECT attname FROM pg_attribute
                       WHERE attrelid = 'cape_issues'::regclass AND attnum > 0 AND NOT attisdropped LOOP
            EXECUTE format('ALTER TABLE cape_issues ALTER %I DROP NOT NULL, ALTER %1$I DROP DEFAULT', name);
          END LOOP;
        END $$
        """);
  }

  /** Notes that the database refused a write to an issue's row. */
  void refusal(long issue, String status, String error) {
    database.execute(
        """
        INSERT INTO cape_refusals (issue_id, fence, status, counted, error, refused_at, retry_at, tries)
        VALUES (%d, 1, '%s', true, '%s', now(), now() + interval '4 min 30 s', 3)
        """
            .formatted(issue, status, error));
  }

  /** Runs a command on the database. */
  Ran run(String command, String... arguments) {
    List<String> all = new ArrayList<>(List.of(command, "--database-url", database.url()));
    all.addAll(List.of(arguments));
    return bare(all.toArray(String[]::new));
  }

  /** Runs exactly that. */
  static Ran bare(String... arguments) {
    var out = new StringWriter();
    var err = new StringWriter();
    CommandLine commandLine = Main.commandLine(arguments);
    commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    // Some commands turn all logging off, for good.
    Level level = ROOT.getLevel();
    List<Appender<ILoggingEvent>> appenders = new ArrayList<>();
    ROOT.iteratorForAppenders().forEachRemaining(appenders::add);
    int exitCode = commandLine.execute(arguments);
    ROOT.setLevel(level);
    appenders.forEach(Appender::start);
    appenders.forEach(ROOT::addAppender);
    return new Ran(exitCode, out.toString(), err.toString());
  }

  /** Inserts issues the way others do. */
  void issues(String values) {
    database.execute("INSERT INTO cape_issues (description, status) VALUES " + values);
  }

  /** A registered worker, heard of that long ago. */
  void worker(String id, String state, String heardAgo) {
    database.execute(
        """
        INSERT INTO cape_workers (worker_id, instance, host, pid, version, state, free_slots, heartbeat_at)
        VALUES ('%s', gen_random_uuid(), 'there', 1, '1', '%s', 1, now() - interval '%s')
        """
            .formatted(id, state, heardAgo));
  }

  /** Starts an issue under a running attempt of a worker. */
  void running(long issue, String worker) {
    database.execute(
        """
        UPDATE cape_issues SET status = 'started', started_at = now(), attempts = attempts + 1,
               fence = fence + 1, assigned_worker_id = '%2$s' WHERE id = %1$d;
        INSERT INTO cape_issue_attempts
               (issue_id, attempt, fence, run_id, worker_id, instance, host, pid, lease_expires_at, log_file)
        SELECT id, attempts, fence, gen_random_uuid(), '%2$s', gen_random_uuid(), 'there', 1,
               now() + interval '5 min', '/nowhere/attempt.log'
          FROM cape_issues WHERE id = %1$d
        """
            .formatted(issue, worker));
  }

  String value(String sql) {
    return database.value(sql);
  }
}
