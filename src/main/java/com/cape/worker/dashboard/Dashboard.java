package com.cape.worker.dashboard;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.config.HttpSettings;
import com.cape.worker.http.Json;
import com.cape.worker.http.WebRequest;
import com.cape.worker.http.WebResponse;
import com.cape.worker.http.WebServer;
import com.cape.worker.store.Database;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The page that shows the queue and lets people act, with all that it needs. */
public final class Dashboard implements AutoCloseable {
  private static final Duration STATEMENT_LIMIT = Duration.ofSeconds(2);
  private static final int CONNECTIONS = 2;
  private static final Duration BETWEEN_LOOKS = Duration.ofSeconds(1);
  private static final String NAME = "cape-worker dashboard";
  // No folders, and nothing that leads out of this one.
  private static final Pattern FILE = Pattern.compile("/([a-z]+\\.(html|css|js|svg))");
  private static final Map<String, String> TYPES =
      Map.of(
          "html", "text/html; charset=utf-8",
          "css", "text/css; charset=utf-8",
          "js", "text/javascript; charset=utf-8",
          "svg", "image/svg+xml");
  private static final Map<String, String> PAGES =
      Map.of("/", "/index.html", DashboardAccess.LOGIN, "/login.html");

  private final WebServer server;
  private final Snapshot snapshot;
  private final Database reading;
  private final Database work;

  private Dashboard(WebServer server, Snapshot snapshot, Database reading, Database work) {
    this.server = server;
    this.snapshot = snapshot;
    this.reading = reading;
    this.work = work;
  }

  /**
   * @param host this one's name, as workers register theirs
   * @param logs where files of attempts may lie
   * @throws IOException when the address cannot be had
   */
  public static Dashboard start(
      HttpSettings http, DatabaseUrl url, String version, String host, Path logs)
      throws IOException {
    Database reading = Database.single(url, NAME, STATEMENT_LIMIT);
    Database work = Database.open(url, NAME, CONNECTIONS, STATEMENT_LIMIT);
    Snapshot snapshot = new Snapshot(reading);
    try {
      var answers = new KeptAnswers();
      var access = new DashboardAccess(http.token(), InstantSource.system());
      var api = new DashboardApi(work, snapshot, answers, host, logs);
      var actions = new DashboardActions(work, snapshot, answers);
      WebServer server =
          WebServer.start(http.address(), access, routes(access, api, actions, snapshot, version));
      return new Dashboard(server, snapshot, reading, work);
    } catch (IOException e) {
      close(snapshot, reading, work);
      throw e;
    }
  }

  private static Map<String, WebServer.Handler> routes(
      DashboardAccess access,
      DashboardApi api,
      DashboardActions actions,
      Snapshot snapshot,
      String version) {
    Map<String, WebServer.Handler> routes = new HashMap<>(actions.routes());
    routes.put("/", Dashboard::file);
    routes.put("POST " + DashboardAccess.LOGIN, access::logIn);
    routes.put("POST /api/logout", access::logOut);
    routes.put("/api/session", request -> session(request, access, version));
    routes.put("/api/overview", request -> snapshot.current());
    routes.put("/api/issues", api::issues);
    routes.put("/api/issues/", api::issue);
    return routes;
  }

  private static WebResponse session(WebRequest request, DashboardAccess access, String version) {
    return WebResponse.json(
        new Json()
            .with("csrf", access.csrf(request))
            .with("version", version)
            .with("login", access.asksForLogin())
            .with("poll_ms", BETWEEN_LOOKS.toMillis()));
  }

  private static WebResponse file(WebRequest request) {
    Matcher file = FILE.matcher(PAGES.getOrDefault(request.path(), request.path()));
    if (!file.matches()) {
      return WebResponse.missing();
    }
    try (InputStream bytes = Dashboard.class.getResourceAsStream(file.group(1))) {
      return bytes == null
          ? WebResponse.missing()
          : new WebResponse(200, TYPES.get(file.group(2)), Map.of(), bytes.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public InetSocketAddress address() {
    return server.address();
  }

  @Override
  public void close() {
    server.close();
    close(snapshot, reading, work);
  }

  private static void close(Snapshot snapshot, Database reading, Database work) {
    snapshot.close();
    reading.close();
    work.close();
  }
}
