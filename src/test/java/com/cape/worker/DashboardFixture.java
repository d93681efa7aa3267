package com.cape.worker;

import com.cape.worker.chaos.FaultyProxy;
import com.cape.worker.testing.Chromium;
import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.TestDatabase;
import com.cape.worker.testing.WorkerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A worker at work, the dashboard on its database, and a browser on the dashboard. */
final class DashboardFixture implements AutoCloseable {
  static final String WORKER = "alleycat-1";
  static final String DOOMED = "zebra-1";
  static final String TOKEN = "correct-horse-battery";

  /** The workflow: its issue's words say how it ends, and files what it prints meanwhile. */
  private static final String SCRIPT =
      """
      case $(head -c 60 "$CAPE_ISSUE_FILE") in
        *bad*) echo broken; exit 65 ;;
        *flaky*) echo 'error: the API answered 529 (overloaded)'; exit 1 ;;
        *hostile*) cat hostile.txt ;;
        *slow*)
          echo begun
          until [ -e go-$1 ]; do
            if [ -e say-$1 ]; then cat say-$1; rm say-$1; fi
            sleep 0.05
          done ;;
        *) echo done ;;
      esac
      """;

  /** What ended within a minute some time ago, as the chart tells it. */
  static final String ENDED = "4 completed, 2 failed, 1 cancelled";

  private static final String PAST =
      """
      INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid, lease_expires_at, finished_at, outcome)
      SELECT -n, 1, 1, gen_random_uuid(), 'former', gen_random_uuid(), 'there', 1, now(),
             date_trunc('minute', now()) - interval '9 min' + n * interval '1 s',
             (ARRAY['completed', 'completed', 'completed', 'completed', 'failed', 'timed_out', 'cancelled'])[n]
        FROM generate_series(1, 7) AS n
      """;

  private static final Pattern URL = Pattern.compile("http://127\\.0\\.0\\.1:\\d+/");

  final JarFixture jar;
  final FaultyProxy proxy;
  final WorkerProcess worker;

  /** One that a test kills. */
  final WorkerProcess doomed;

  final WorkerProcess dashboard;

  /** One that asks for a token, and reaches the database through the proxy. */
  final WorkerProcess guarded;

  final String url;
  final Chromium browser;

  DashboardFixture(Path directory) throws IOException {
    jar = new JarFixture(directory, SCRIPT);
    jar.migrated();
    Matcher port = Pattern.compile(":(\\d+)/").matcher(jar.database.url());
    if (!port.find()) {
      throw new IllegalStateException(jar.database.url());
    }
    proxy = new FaultyProxy(Integer.parseInt(port.group(1)));
    jar.database.execute(PAST);
    worker = worker(WORKER);
    dashboard = dashboard(Map.of());
    doomed = worker(DOOMED);
    guarded =
        dashboard(
            Map.of(
                "CAPE_DATABASE_URL",
                jar.database.url().replaceFirst(":\\d+/", ":" + proxy.port() + "/"),
                "CAPE_HTTP_TOKEN",
                TOKEN));
    browser = Chromium.start(Files.createDirectory(directory.resolve("profile")));
    url = urlOf(dashboard);
  }

  private WorkerProcess worker(String id) {
    return jar.worker(
        id, "--concurrency", "3", "--lease", "60", "--grace", "1", "--retry-delay", "600");
  }

  private WorkerProcess dashboard(Map<String, String> environment) {
    return WorkerProcess.start(
        jar.directory, jar.environment(environment), "dashboard", "--http", "127.0.0.1:0");
  }

  static String urlOf(WorkerProcess dashboard) {
    dashboard.awaitOutput("http://127.0.0.1:");
    Matcher url = URL.matcher(dashboard.output());
    if (!url.find()) {
      throw new AssertionError(dashboard.output());
    }
    return url.group();
  }

  TestDatabase database() {
    return jar.database;
  }

  /** Inserts an issue the way others do; answers its id. */
  long submit(String description) {
    return Long.parseLong(
        jar.database.value(
            "INSERT INTO cape_issues (description) VALUES ('%s') RETURNING id"
                .formatted(description.replace("'", "''"))));
  }

  /** Has the slow run of an issue print something. */
  void say(long issue, String text) throws IOException {
    Path file = Files.writeString(jar.directory.resolve("saying"), text);
    Files.move(file, jar.directory.resolve("say-" + issue), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Lets the slow run of an issue end. */
  void finish(long issue) throws IOException {
    Files.createFile(jar.directory.resolve("go-" + issue));
  }

  String status(long issue) {
    return jar.database.value("SELECT status FROM cape_issues WHERE id = " + issue);
  }

  void awaitStatus(long issue, String status) {
    jar.awaitValue(status, "SELECT status FROM cape_issues WHERE id = " + issue);
  }

  @Override
  public void close() throws IOException {
    browser.close();
    guarded.close();
    dashboard.close();
    doomed.close();
    worker.close();
    proxy.close();
  }
}
