package com.cape.worker.dashboard;

import static java.util.Objects.requireNonNull;

import com.cape.worker.http.Json;
import com.cape.worker.http.RateLimit;
import com.cape.worker.http.Secret;
import com.cape.worker.http.WebRequest;
import com.cape.worker.http.WebResponse;
import com.cape.worker.http.WebServer;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Who may look at the dashboard, and act. With a token: who has logged in. Without one: whoever
 * reaches this host's own address. Pages of other sites may do neither through a visitor's browser.
 */
final class DashboardAccess implements WebServer.Access {
  static final String LOGIN = "/login";
  private static final String API = "/api/";
  private static final Set<String> OPEN = Set.of(LOGIN, "/dashboard.css", "/favicon.svg");
  private static final String COOKIE = "cape_session";
  private static final double LOGINS_A_SECOND = 10 / 60.0;
  private static final int LOGINS_AT_ONCE = 10;
  private static final String EVERYBODY = "everybody";

  private final Optional<Secret> token;
  private final Sessions sessions;
  private final RateLimit logins = new RateLimit(LOGINS_A_SECOND, LOGINS_AT_ONCE);
  private final String csrfWithoutLogin = Secret.random();

  DashboardAccess(Optional<String> token, InstantSource clock) {
    this.token = token.map(Secret::new);
    this.sessions = new Sessions(requireNonNull(clock));
  }

  @Override
  public Optional<WebResponse> refuse(WebRequest request) {
    boolean action = request.method().equals("POST");
    boolean api = request.path().startsWith(API);
    if (((action || api) && fromOtherSite(request)) || (action && !fromHere(request))) {
      return forbidden("this is for the dashboard's own page");
    }
    if (OPEN.contains(request.path())) {
      return Optional.empty();
    }
    Optional<String> csrf = csrf(request);
    if (csrf.isEmpty()) {
      return Optional.of(
          api ? WebResponse.error(401, "log in first") : WebResponse.seeOther(LOGIN));
    }
    boolean known = request.header("X-CSRF-Token").filter(new Secret(csrf.get())::is).isPresent();
    return action && !known
        ? forbidden("the page is out of date; load it again")
        : Optional.empty();
  }

  private static Optional<WebResponse> forbidden(String message) {
    return Optional.of(WebResponse.error(403, message));
  }

  /** Whether the page that asks was served under the name that the request was sent to. */
  private static boolean fromHere(WebRequest request) {
    String host = request.header("Host").orElse("");
    String origin = request.header("Origin").orElse("");
    // A proxy may have added TLS.
    return origin.equals("http://" + host) || origin.equals("https://" + host);
  }

  private static boolean fromOtherSite(WebRequest request) {
    boolean navigation = request.method().equals("GET");
    return request.has("Sec-Fetch-Site")
        && request
            .header("Sec-Fetch-Site")
            .filter(site -> site.equals("same-origin") || (navigation && site.equals("none")))
            .isEmpty();
  }

  boolean asksForLogin() {
    return token.isPresent();
  }

  /** What actions have to name; empty unless the request comes from somebody who may look. */
  Optional<String> csrf(WebRequest request) {
    if (token.isEmpty()) {
      return Optional.of(csrfWithoutLogin);
    }
    return cookie(request).flatMap(sessions::find).map(Sessions.Session::csrf);
  }

  private static Optional<String> cookie(WebRequest request) {
    List<String> found =
        Arrays.stream(request.header("Cookie").orElse("").split(";"))
            .map(String::strip)
            .filter(cookie -> cookie.startsWith(COOKIE + "="))
            .toList();
    return found.size() == 1
        ? Optional.of(found.get(0).substring(COOKIE.length() + 1))
        : Optional.empty();
  }

  WebResponse logIn(WebRequest request) {
    if (token.isEmpty()) {
      return WebResponse.seeOther("/");
    }
    if (logins.take(EVERYBODY).isPresent()) {
      return WebResponse.seeOther(LOGIN + "#slow");
    }
    if (!token.get().is(request.form().getOrDefault("token", ""))) {
      return WebResponse.seeOther(LOGIN + "#failed");
    }
    return WebResponse.seeOther("/")
        .with(
            "Set-Cookie",
            "%s=%s; Max-Age=%d; Path=/; HttpOnly; SameSite=Strict"
                .formatted(COOKIE, sessions.begin(), Sessions.LIFETIME.toSeconds()));
  }

  WebResponse logOut(WebRequest request) {
    cookie(request).ifPresent(sessions::end);
    return WebResponse.json(new Json().with("done", true).with("message", "logged out"))
        .with("Set-Cookie", COOKIE + "=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict");
  }

  /** Who has logged in. Safe for use by several threads. */
  static final class Sessions {
    static final Duration LIFETIME = Duration.ofHours(12);
    private static final int MOST = 100;

    private final InstantSource clock;
    private final Map<String, Session> sessions =
        new LinkedHashMap<>() {
          @Override
          protected boolean removeEldestEntry(Map.Entry<String, Session> eldest) {
            return size() > MOST;
          }
        };

    /** A browser's; its actions have to name {@code csrf}. */
    record Session(String csrf, Instant until) {}

    Sessions(InstantSource clock) {
      this.clock = clock;
    }

    /** Returns the secret by which the new session is found. */
    synchronized String begin() {
      String id = Secret.random();
      sessions.put(id, new Session(Secret.random(), clock.instant().plus(LIFETIME)));
      return id;
    }

    synchronized Optional<Session> find(String id) {
      return Optional.ofNullable(sessions.get(id))
          .filter(session -> clock.instant().isBefore(session.until()));
    }

    synchronized void end(String id) {
      sessions.remove(id);
    }
  }
}
