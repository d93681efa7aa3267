package com.cape.worker.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.config.HttpAddress;
import com.cape.worker.config.HttpSettings;
import com.cape.worker.testing.RawHttp;
import com.cape.worker.testing.TestDatabase;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A dashboard on a database of its own, and somebody who asks it as its page does. */
final class DashboardFixture implements AutoCloseable {
  static final String HOST = "here";

  final TestDatabase database = TestDatabase.createMigrated();
  final Path logs;
  final Dashboard dashboard;

  DashboardFixture(Path logs, Optional<String> token) throws IOException {
    this.logs = logs;
    var http = new HttpSettings(HttpAddress.parse("127.0.0.1:0"), token);
    this.dashboard = Dashboard.start(http, DatabaseUrl.parse(database.url()), "1.2.3", HOST, logs);
  }

  InetSocketAddress address() {
    return dashboard.address();
  }

  String origin() {
    return "Origin: http://127.0.0.1:" + address().getPort();
  }

  RawHttp.Answer get(String path, String... headers) throws IOException {
    return RawHttp.ask(address(), "GET", path, "", headers);
  }

  /** The body of an answer that has to be 200. */
  String json(String path) throws IOException {
    RawHttp.Answer answer = get(path);
    assertEquals(200, answer.status(), answer.body());
    return answer.body();
  }

  String csrf(String... headers) throws IOException {
    return field("csrf", get("/api/session", headers).body());
  }

  /** Acts as the page does. */
  RawHttp.Answer post(String path, String form, String... further) throws IOException {
    List<String> headers = new ArrayList<>(List.of(further));
    headers.add(origin());
    headers.add("X-CSRF-Token: " + csrf(further));
    return RawHttp.ask(address(), "POST", path, form, headers.toArray(String[]::new));
  }

  /** A text, a number or null out of an answer. */
  static String field(String name, String json) {
    Matcher found =
        Pattern.compile("\"%s\":(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([^,}\\]]*))".formatted(name))
            .matcher(json);
    if (!found.find()) {
      throw new AssertionError("no " + name + " in " + json);
    }
    return found.group(1) == null ? found.group(2) : found.group(1);
  }

  /**
   * An attempt of an issue, as a worker leaves it, with the file that it claims to have written.
   */
  void attempt(long issue, long fence, String outcome, String host, String logFile) {
    database.execute(
        """
        INSERT INTO cape_issue_attempts (issue_id, attempt, fence, run_id, worker_id, instance, host, pid,
               lease_expires_at, finished_at, outcome, output_tail, log_file)
        VALUES (%d, 1, %d, gen_random_uuid(), 'w', gen_random_uuid(), '%s', 1, now() + interval '5 min',
                %s, '%s', 'the end', '%s')
        """
            .formatted(
                issue,
                fence,
                host,
                outcome.equals("running") ? "NULL" : "now()",
                outcome,
                logFile.replace("'", "''")));
  }

  @Override
  public void close() {
    dashboard.close();
  }
}
