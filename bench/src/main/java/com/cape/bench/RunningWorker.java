package com.cape.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Workers of a contender as processes, on a database of their own. */
final class RunningWorker implements AutoCloseable {
  private static final long START_SECONDS = 60;
  private static final long STOP_SECONDS = 20;
  private static final int LOOK_MILLIS = 2;
  private static final Pattern READY = Pattern.compile("(?m)(^| - )ready\\b");

  final Contender contender;
  private final Marks marks;
  private final Sql sql;
  private double startSeconds;
  private final List<Process> processes = new ArrayList<>();

  RunningWorker(Contender contender, Settings settings, int concurrency)
      throws IOException, SQLException, InterruptedException {
    this(contender, settings, concurrency, 1);
  }

  /** So many workers on one database. */
  RunningWorker(Contender contender, Settings settings, int concurrency, int workers)
      throws IOException, SQLException, InterruptedException {
    this.contender = contender;
    Sql.createDatabase(settings, contender.id());
    String url = settings.url(contender.id());
    this.sql = new Sql(url);
    sql.execute(contender.setup());
    // A new folder each time: what an earlier start left is no part of what is measured.
    Path directory = Files.createTempDirectory(settings.directory(), contender.id() + ".");
    this.marks = new Marks(directory.resolve("marks"));
    for (int number = 1; number <= workers; number++) {
      Path log = directory.resolve(number + ".log");
      var builder =
          new ProcessBuilder(
              contender.launch().command(url, concurrency, settings.mark(), marks.path(), number));
      builder.environment().keySet().removeIf(name -> name.startsWith("CAPE_"));
      builder.directory(directory.toFile());
      builder.redirectErrorStream(true).redirectOutput(log.toFile());
      long start = System.nanoTime();
      Process process = builder.start();
      processes.add(process);
      Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
      awaitReady(process, log);
      startSeconds = (System.nanoTime() - start) / 1e9;
    }
  }

  /** How long the last of them took until it was ready. */
  double startSeconds() {
    return startSeconds;
  }

  private void awaitReady(Process process, Path log) throws IOException, InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (!READY.matcher(Files.readString(log)).find()) {
      if (!process.isAlive() || System.nanoTime() > end) {
        process.destroyForcibly();
        throw new IllegalStateException(
            "%s did not start:%n%s".formatted(contender.name(), Files.readString(log)));
      }
      Thread.sleep(LOOK_MILLIS);
    }
  }

  /** The processes of the workers, and what they keep running. */
  List<ProcessHandle> processes() {
    return processes.stream()
        .flatMap(process -> Stream.concat(Stream.of(process.toHandle()), process.descendants()))
        .toList();
  }

  /** Transactions that its database has counted; it counts within 10 s. */
  long transactions() throws SQLException {
    return Long.parseLong(
        sql.value(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"));
  }

  /** Inserts that many jobs; answers when the commit had returned. */
  long submit(int jobs) throws SQLException {
    sql.execute(contender.insert(), jobs);
    return Marks.now();
  }

  /** Waits for the next start of the program; answers when it began. */
  long began() throws InterruptedException {
    return marks.next().nanos();
  }

  /** Seconds from the first start of that many jobs until the last end has been written down. */
  double seconds(int jobs) throws SQLException, InterruptedException {
    submit(jobs);
    Marks.Mark first = marks.next();
    Set<String> seen = new HashSet<>(Set.of(first.word()));
    while (seen.size() < jobs) {
      String word = marks.next().word();
      if (!seen.add(word)) {
        throw new IllegalStateException(contender.name() + " ran job " + word + " twice");
      }
    }
    while (sql.holds(contender.unfinished())) {
      Thread.sleep(LOOK_MILLIS);
    }
    return (Marks.now() - first.nanos()) / 1e9;
  }

  @Override
  public void close() throws IOException, SQLException, InterruptedException {
    processes.forEach(Process::destroy);
    for (Process process : processes) {
      if (!process.waitFor(STOP_SECONDS, TimeUnit.SECONDS)) {
        System.err.println("bench: " + contender.name() + " did not stop; it was killed");
        process.destroyForcibly().waitFor();
      }
    }
    sql.close();
    marks.close();
  }
}
