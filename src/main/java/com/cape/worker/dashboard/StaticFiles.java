package com.cape.worker.dashboard;

import com.cape.worker.http.WebRequest;
import com.cape.worker.http.WebResponse;
import com.cape.worker.http.WebServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The page's own files, from the JAR. */
final class StaticFiles implements WebServer.Handler {
  // No folders, and nothing that leads out of this one.
  private static final Pattern NAME = Pattern.compile("/([a-z]+\\.(html|css|js|svg))");
  private static final Map<String, String> TYPES =
      Map.of(
          "html", "text/html; charset=utf-8",
          "css", "text/css; charset=utf-8",
          "js", "text/javascript; charset=utf-8",
          "svg", "image/svg+xml");
  private static final Map<String, String> PAGES =
      Map.of("/", "/index.html", DashboardAccess.LOGIN, "/login.html");

  @Override
  public WebResponse answer(WebRequest request) {
    Matcher name = NAME.matcher(PAGES.getOrDefault(request.path(), request.path()));
    if (!name.matches()) {
      return WebResponse.missing();
    }
    try (InputStream bytes = StaticFiles.class.getResourceAsStream(name.group(1))) {
      return bytes == null
          ? WebResponse.missing()
          : new WebResponse(200, TYPES.get(name.group(2)), Map.of(), bytes.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
