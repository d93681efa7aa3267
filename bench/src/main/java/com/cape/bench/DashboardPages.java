package com.cape.bench;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the pages of the dashboard cost where a million issues are. */
final class DashboardPages {
  private static final int SLOTS = 4;
  private static final int PAGES = 50;
  private static final int MOST_A_SECOND = 4000;
  private static final Pattern ADDRESS =
      Pattern.compile("dashboard: http://127\\.0\\.0\\.1:(\\d+)/");
  private static final Pattern LENGTH = Pattern.compile("(?i)content-length: (\\d+)");

  private static final String OTHERS =
      """
      INSERT INTO cape_issues (description, status, fence)
      SELECT 'bench', CASE WHEN n % 10 = 0 THEN 'cancelled' ELSE 'failed' END, 5 FROM generate_series(1, ?) AS n
      """;

  private static final String PENDING =
      "INSERT INTO cape_issues (description) SELECT 'bench' FROM generate_series(1, ?)";

  private DashboardPages() {}

  static void measure(Settings settings, Report report) throws Exception {
    int completed = settings.times(1_000_000, 20_000);
    int pending = settings.times(10_000, 500);
    int others = settings.times(5_000, 500);
    int seconds = settings.times(60, 3);
    int rounds = settings.times(40, 2);
    int length = settings.times(2, 1);
    String url = WorkerStore.createDatabase(settings, "dashboard");
    try (var sql = new Sql(url);
        var store = new WorkerStore(url, SLOTS)) {
      sql.execute(Scale.COMPLETED, completed);
      sql.execute(OTHERS, others);
      sql.execute(PENDING, pending);
      sql.execute("VACUUM ANALYZE");
      sql.execute("CHECKPOINT");
      try (var dashboard = new Served(settings, url)) {
        report.title("The dashboard");
        report.line(
            "%d completed issues with their attempts, one each 1 s, %d pending, %d failed or cancelled."
                .formatted(completed, pending, others));
        onePage(report, dashboard, sql, seconds);
        manyPages(report, dashboard, sql, store, rounds, length);
      }
    }
  }

  private static void onePage(Report report, Served dashboard, Sql sql, int seconds)
      throws IOException, SQLException, InterruptedException {
    report.head("answer, ms", "p50", "p95", "most");
    var overview = new Samples();
    double busyBefore = backendSeconds(sql);
    double ownBefore = dashboard.cpuSeconds();
    long start = System.nanoTime();
    try (var page = new Page(dashboard.port())) {
      page.get("/api/session");
      for (int second = 0; second < seconds; second++) {
        long asked = System.nanoTime();
        page.get("/api/overview");
        overview.add((System.nanoTime() - asked) / 1e6);
        sleepUntil(start + TimeUnit.SECONDS.toNanos(second + 1L));
      }
      double took = (System.nanoTime() - start) / 1e9;
      double busy = (backendSeconds(sql) - busyBefore) / took;
      double own = (dashboard.cpuSeconds() - ownBefore) / took;
      row(report, "overview, once a second", overview);
      for (String path :
          List.of(
              "/api/issues",
              "/api/issues?status=failed",
              "/api/issues?sort=queue",
              "/api/issues?worker=bench",
              "/api/issues/500",
              "/api/issues?q=bench+77",
              "/api/issues?q=nowhere+to+be+found")) {
        var answers = new Samples();
        for (int i = 0; i < 10; i++) {
          long asked = System.nanoTime();
          page.get(path + (path.contains("?") ? "&" : "?") + "x=" + i); // not one that was kept
          answers.add((System.nanoTime() - asked) / 1e6);
        }
        row(report, "`" + path + "`", answers);
      }
      report.line("");
      report.line(
          "One open page takes %.2f %% of one processor in the database (CPU time of its backends over %.0f s), and %.2f %% in the dashboard. The aim: the overview within 300 ms at the median, less than 2 %% in the database."
              .formatted(100 * busy, took, 100 * own));
    }
  }

  private static void row(Report report, String name, Samples samples) {
    report.row(name, samples.median(), samples.percentile(95), samples.most());
  }

  /** Rounds with the pages and without, by turns; which comes first alternates. */
  private static void manyPages(
      Report report, Served dashboard, Sql sql, WorkerStore store, int rounds, int length)
      throws Exception {
    var without = new Samples();
    var with = new Samples();
    var ratios = new Samples();
    var own = new Samples();
    var busy = new Samples();
    round(sql, store, length);
    for (int round = 0; round < rounds; round++) {
      boolean first = round % 2 == 0;
      double before = first ? 0 : round(sql, store, length);
      Watched watched = pages(dashboard, sql, store, length);
      double alone = first ? round(sql, store, length) : before;
      with.add(watched.rate());
      without.add(alone);
      ratios.add(watched.rate() / alone);
      own.add(100 * watched.own());
      busy.add(100 * watched.busy());
    }
    report.head(
        "claim and settle cycles a second, %d slots".formatted(SLOTS), "median (least-most)");
    report.row("without a page", without.spread());
    report.row("with %d open pages".formatted(PAGES), with.spread());
    report.line("");
    report.line(
        "The median of the %d ratios of neighbouring rounds of %d s is %.3f (quartiles %.3f and %.3f); the aim is at least 0.95. Pages, dashboard, database and claims share this machine's processors."
            .formatted(
                rounds, length, ratios.median(), ratios.percentile(25), ratios.percentile(75)));
    report.line("");
    report.line(
        "Of one processor the dashboard took %.1f %% meanwhile, and its backends %.1f %% (medians)."
            .formatted(own.median(), busy.median()));
  }

  /**
   * A round with pages.
   *
   * @param own processor time of the dashboard in a second
   * @param busy the same of its backends
   */
  private record Watched(double rate, double own, double busy) {}

  private static Watched pages(Served dashboard, Sql sql, WorkerStore store, int length)
      throws Exception {
    try (var pages = new OpenPages(dashboard.port())) {
      pages.start();
      double own = dashboard.cpuSeconds();
      double busy = backendSeconds(sql);
      long start = System.nanoTime();
      double rate = round(sql, store, length);
      double took = (System.nanoTime() - start) / 1e9;
      pages.check();
      return new Watched(
          rate, (dashboard.cpuSeconds() - own) / took, (backendSeconds(sql) - busy) / took);
    }
  }

  private static double round(Sql sql, WorkerStore store, int seconds)
      throws SQLException, InterruptedException, ExecutionException {
    sql.execute(PENDING, seconds * MOST_A_SECOND);
    long start = System.nanoTime();
    long end = start + TimeUnit.SECONDS.toNanos(seconds);
    long cycles = Cycles.run(store, SLOTS, () -> System.nanoTime() < end);
    double rate = cycles * 1e9 / (System.nanoTime() - start);
    // Each round begins with as many pending issues.
    sql.execute(
        "DELETE FROM cape_issues WHERE status = 'pending' AND fence = 0 AND id NOT IN (SELECT id FROM"
            + " cape_issues WHERE status = 'pending' ORDER BY id LIMIT 10000)");
    return rate;
  }

  /** CPU time of the backends that serve the dashboard. */
  private static double backendSeconds(Sql sql) throws SQLException, IOException {
    double seconds = 0;
    for (String pid :
        sql.column(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'cape-worker dashboard'",
            List.of())) {
      seconds += Idle.cpuSeconds(Long.parseLong(pid));
    }
    return seconds;
  }

  private static void sleepUntil(long nanos) throws InterruptedException {
    long left = nanos - System.nanoTime();
    if (left > 0) {
      TimeUnit.NANOSECONDS.sleep(left);
    }
  }

  /** The dashboard as a process. */
  private static final class Served implements AutoCloseable {
    private static final long START_SECONDS = 60;
    private final Process process;
    private final int port;

    private Served(Settings settings, String url) throws IOException, InterruptedException {
      Path log = settings.directory().resolve("dashboard.log");
      List<String> command = new ArrayList<>(List.of("java"));
      command.addAll(settings.workerFlags());
      command.addAll(
          List.of("-jar", settings.jar().toString(), "dashboard", "--http", "127.0.0.1:0"));
      var builder = new ProcessBuilder(command);
      builder.environment().keySet().removeIf(name -> name.startsWith("CAPE_"));
      builder.environment().put("CAPE_DATABASE_URL", url);
      builder.redirectErrorStream(true).redirectOutput(log.toFile());
      this.process = builder.start();
      Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
      Matcher address = ADDRESS.matcher(Files.readString(log));
      while (!address.find()) {
        if (!process.isAlive() || System.nanoTime() > end) {
          throw new IllegalStateException("no dashboard: " + Files.readString(log));
        }
        Thread.sleep(50);
        address = ADDRESS.matcher(Files.readString(log));
      }
      this.port = Integer.parseInt(address.group(1));
    }

    private int port() {
      return port;
    }

    private double cpuSeconds() throws IOException {
      return Idle.cpuSeconds(process.pid());
    }

    @Override
    public void close() {
      process.destroy();
      process.onExit().join();
    }
  }

  /** A connection as a browser keeps it. */
  private static final class Page implements AutoCloseable {
    private final Socket socket;
    private final InputStream in;
    private final int port;

    private Page(int port) throws IOException {
      this.port = port;
      this.socket = new Socket(InetAddress.getLoopbackAddress(), port);
      socket.setTcpNoDelay(true);
      this.in = new BufferedInputStream(socket.getInputStream());
    }

    private void get(String path) throws IOException {
      String request = "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n".formatted(path, port);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      String status = line();
      int length = 0;
      for (String line = line(); !line.isEmpty(); line = line()) {
        Matcher given = LENGTH.matcher(line);
        if (given.matches()) {
          length = Integer.parseInt(given.group(1));
        }
      }
      in.skipNBytes(length);
      if (!status.startsWith("HTTP/1.1 200")) {
        throw new IOException(path + ": " + status);
      }
    }

    private String line() throws IOException {
      var line = new StringBuilder();
      for (int b = in.read(); b != '\n'; b = in.read()) {
        if (b < 0) {
          throw new IOException("the dashboard ended the connection");
        }
        line.append((char) b);
      }
      return line.toString().stripTrailing();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }

  /** Many pages, each of which asks once a second. */
  private static final class OpenPages implements AutoCloseable {
    private final List<Page> pages = new ArrayList<>();
    private final Thread thread = new Thread(this::ask, "pages");
    private volatile boolean closed;
    private volatile String failure = "";

    private OpenPages(int port) throws IOException {
      for (int i = 0; i < PAGES; i++) {
        pages.add(new Page(port));
      }
    }

    private void start() {
      thread.start();
    }

    private void ask() {
      long next = System.nanoTime();
      try {
        for (int i = 0; !closed; i = (i + 1) % PAGES) {
          pages.get(i).get("/api/overview");
          next += TimeUnit.SECONDS.toNanos(1) / PAGES;
          sleepUntil(next);
        }
      } catch (IOException | InterruptedException e) {
        failure = e.toString();
      }
    }

    private void check() {
      if (!failure.isEmpty()) {
        throw new IllegalStateException("a page failed: " + failure);
      }
    }

    @Override
    public void close() throws IOException, InterruptedException {
      closed = true;
      thread.join();
      for (Page page : pages) {
        page.close();
      }
    }
  }
}
