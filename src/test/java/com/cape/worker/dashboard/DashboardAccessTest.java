package com.cape.worker.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.HttpAddress;
import com.cape.worker.http.WebResponse;
import com.cape.worker.http.WebServer;
import com.cape.worker.testing.RawHttp;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may look, and who may act. */
@Timeout(60)
class DashboardAccessTest {
  private static final String TOKEN = "a token of some length";
  private static final String FORM = "token=a+token+of+some+length";

  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-11-24T09:30:00Z"));
  private final AtomicInteger actions = new AtomicInteger();
  private final List<WebServer> servers = new ArrayList<>();

  private final WebServer open = start(Optional.empty(), "127.0.0.1:0");
  private final WebServer guarded = start(Optional.of(TOKEN), "127.0.0.1:0");

  private WebServer start(Optional<String> token, String address) {
    var access = new DashboardAccess(token, now::get);
    Map<String, WebServer.Handler> routes =
        Map.of(
            "/",
            request -> WebResponse.text(200, "seen"),
            "/api/session",
            request -> WebResponse.text(200, access.csrf(request).orElseThrow()),
            "POST /login",
            access::logIn,
            "POST /api/logout",
            access::logOut,
            "POST /api/act",
            request -> WebResponse.text(200, "done " + actions.incrementAndGet()));
    try {
      servers.add(WebServer.start(HttpAddress.parse(address), access, routes));
      return servers.get(servers.size() - 1);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @AfterEach
  void stop() {
    servers.forEach(WebServer::close);
  }

  private static RawHttp.Answer get(WebServer server, String path, String... headers)
      throws IOException {
    return RawHttp.ask(server.address(), "GET", path, "", headers);
  }

  private static RawHttp.Answer act(WebServer server, String... headers) throws IOException {
    return RawHttp.ask(server.address(), "POST", "/api/act", "", headers);
  }

  private static String origin(WebServer server) {
    return "Origin: http://127.0.0.1:" + server.address().getPort();
  }

  private static RawHttp.Answer logIn(WebServer server, String form) throws IOException {
    return RawHttp.ask(server.address(), "POST", "/login", form, origin(server));
  }

  /** The header of a new session. */
  private String session() throws IOException {
    RawHttp.Answer answer = logIn(guarded, FORM);
    assertEquals("/", answer.header("Location"), answer.toString());
    return "Cookie: " + answer.header("Set-Cookie").replaceFirst(";.*", "");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/",
        "/dashboard.js",
        "/index.html",
        "/api/session",
        "/api/overview",
        "/api/issues",
        "/api/issues/1",
        "/api/issues/1/output?fence=1",
        "/login/",
        "/login/../",
        "/nowhere"
      })
  void withoutLoggingInNothingIsSeen(String path) throws Exception {
    RawHttp.Answer answer = get(guarded, path);
    boolean api = path.startsWith("/api/");
    assertEquals(api ? 401 : 303, answer.status());
    assertEquals(api ? "" : "/login", answer.header("Location"));
    assertFalse(answer.body().contains("seen"));
  }

  @Test
  void withoutLoggingInNothingIsDone() throws Exception {
    assertEquals(401, act(guarded, origin(guarded)).status());
    assertEquals(401, act(guarded, origin(guarded), "X-CSRF-Token: ").status());
    assertEquals(0, actions.get());
  }

  @ParameterizedTest
  @ValueSource(strings = {"/login", "/dashboard.css", "/favicon.svg"})
  void pageOfTheLoginIsSeenByAnyone(String path) throws Exception {
    assertEquals(200, get(guarded, path).status());
  }

  @Test
  void whoLogsInMayLookAndAct() throws Exception {
    String session = session();
    assertEquals("seen", get(guarded, "/", session).body());
    String csrf = "X-CSRF-Token: " + get(guarded, "/api/session", session).body();
    assertEquals("done 1", act(guarded, session, csrf, origin(guarded)).body());
    assertEquals(
        "seen", get(guarded, "/", "Cookie: a=b; " + session.substring(8) + "; c=d").body());
  }

  @Test
  void whoLogsOutIsOutWithThatSessionAlone() throws Exception {
    String other = session();
    String session = session();
    String csrf = "X-CSRF-Token: " + get(guarded, "/api/session", session).body();
    RawHttp.Answer answer =
        RawHttp.ask(guarded.address(), "POST", "/api/logout", "", session, csrf, origin(guarded));
    assertEquals(200, answer.status());
    assertTrue(answer.header("Set-Cookie").startsWith("cape_session=; Max-Age=0; "));
    assertEquals(303, get(guarded, "/", session).status());
    assertEquals("seen", get(guarded, "/", other).body());
  }

  @Test
  void cookieIsAnIdThatScriptsAndOtherSitesDoNotGet() throws Exception {
    String cookie = logIn(guarded, FORM).header("Set-Cookie");
    assertTrue(
        cookie.matches(
            "cape_session=[A-Za-z0-9_-]{43}; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict"),
        cookie);
    assertNotEquals(cookie, logIn(guarded, FORM).header("Set-Cookie"));
    for (String wrong :
        List.of(
            "Cookie: cape_session=" + TOKEN,
            "Cookie: cape_session=",
            "Cookie: cape_session",
            "Cookie: Cape_Session=" + cookie.substring(13, 56),
            "Cookie: cape_session=" + cookie.substring(13, 55),
            "Cookie: cape_session=x; cape_session=" + cookie.substring(13, 56),
            "Authorization: Bearer " + TOKEN)) {
      assertEquals(401, get(guarded, "/api/session", wrong).status(), wrong);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "token=",
        "token=wrong",
        "token=a+token+of+some+lengt",
        "Token=x",
        "token=wrong&token=a+token+of+some+length"
      })
  void wrongTokenLetsNobodyIn(String form) throws Exception {
    RawHttp.Answer answer = logIn(guarded, form);
    assertEquals(303, answer.status());
    assertEquals("/login#failed", answer.header("Location"));
    assertEquals("", answer.header("Set-Cookie"));
  }

  @Test
  void tokensCannotBeTriedOneAfterTheOther() throws Exception {
    for (int i = 0; i < 10; i++) {
      assertEquals("/login#failed", logIn(guarded, "token=" + i).header("Location"));
    }
    RawHttp.Answer right = logIn(guarded, FORM);
    assertEquals("/login#slow", right.header("Location"));
    assertEquals("", right.header("Set-Cookie"));
  }

  @Test
  void sessionEndsAfterTwelveHours() throws Exception {
    String session = session();
    now.updateAndGet(time -> time.plus(Duration.ofHours(12)).minusSeconds(1));
    assertEquals(200, get(guarded, "/api/session", session).status());
    now.updateAndGet(time -> time.plusSeconds(1));
    assertEquals(401, get(guarded, "/api/session", session).status());
  }

  @Test
  void hundredSessionsAreKept() {
    var sessions = new DashboardAccess.Sessions(now::get);
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 101; i++) {
      ids.add(sessions.begin());
    }
    assertTrue(sessions.find(ids.get(0)).isEmpty());
    assertTrue(sessions.find(ids.get(1)).isPresent());
    assertTrue(sessions.find(ids.get(100)).isPresent());
  }

  @Test
  void withoutATokenThereIsNothingToLogInto() throws Exception {
    assertEquals("/", logIn(open, FORM).header("Location"));
    assertEquals("seen", get(open, "/").body());
  }

  @ParameterizedTest
  @CsvSource({
    "null",
    "''",
    "http://evil.example",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://localhost:%d",
    "file://",
    "http://127.0.0.1:%d.evil.example",
    "127.0.0.1:%d"
  })
  void actionOfAnotherOriginIsRefused(String other) throws Exception {
    String csrf = "X-CSRF-Token: " + get(open, "/api/session").body();
    String header = "Origin: " + other.formatted(open.address().getPort());
    assertEquals(403, act(open, csrf, header).status());
    assertEquals(403, act(open, csrf).status(), "without an Origin");
    assertEquals(403, act(open, csrf, origin(open), header).status(), "with two");
    assertEquals(0, actions.get());
    assertEquals(200, act(open, csrf, origin(open)).status());
  }

  @Test
  void loginOfAnotherOriginIsRefused() throws Exception {
    RawHttp.Answer answer =
        RawHttp.ask(guarded.address(), "POST", "/login", FORM, "Origin: http://evil.example");
    assertEquals(403, answer.status());
    assertEquals("", answer.header("Set-Cookie"));
    assertEquals(
        403,
        RawHttp.ask(
                guarded.address(),
                "POST",
                "/login",
                FORM,
                origin(guarded),
                "Sec-Fetch-Site: cross-site")
            .status());
  }

  @Test
  void originHasToBeTheHostThatWasAskedOnOtherAddressesToo() throws Exception {
    WebServer wide = start(Optional.of(TOKEN), "0.0.0.0:0");
    var here = new InetSocketAddress(InetAddress.getLoopbackAddress(), wide.address().getPort());
    String host = "Host: dashboard.example";
    assertEquals(
        "/",
        RawHttp.ask(here, "POST", "/login", FORM, host, "Origin: https://dashboard.example")
            .header("Location"));
    assertEquals(
        403,
        RawHttp.ask(here, "POST", "/login", FORM, host, "Origin: https://evil.example").status());
  }

  @Test
  void actionHasToNameTheSecretOfItsSession() throws Exception {
    String csrf = get(open, "/api/session").body();
    for (String wrong :
        List.of("X-CSRF-Token: ", "X-CSRF-Token: x", "X-CSRF-Token: " + csrf + "x", "X-Token: x")) {
      assertEquals(403, act(open, wrong, origin(open)).status(), wrong);
    }
    String mine = session();
    String other = "X-CSRF-Token: " + get(guarded, "/api/session", session()).body();
    assertEquals(403, act(guarded, mine, other, origin(guarded)).status());
    assertEquals(403, act(guarded, mine, "X-CSRF-Token: " + csrf, origin(guarded)).status());
    assertEquals(0, actions.get());
  }

  @ParameterizedTest
  @ValueSource(strings = {"cross-site", "same-site", "none", "", "Same-Origin"})
  void actionThatTheBrowserSaysComesFromElsewhereIsRefused(String site) throws Exception {
    String csrf = "X-CSRF-Token: " + get(open, "/api/session").body();
    assertEquals(403, act(open, csrf, origin(open), "Sec-Fetch-Site: " + site).status());
    assertEquals(0, actions.get());
    assertEquals(200, act(open, csrf, origin(open), "Sec-Fetch-Site: same-origin").status());
  }

  @Test
  void otherSitesReadNothing() throws Exception {
    for (String site : List.of("cross-site", "same-site")) {
      assertEquals(403, get(open, "/api/session", "Sec-Fetch-Site: " + site).status());
      assertEquals(200, get(open, "/", "Sec-Fetch-Site: " + site).status(), "a link to the page");
    }
    for (String site : List.of("same-origin", "none")) {
      RawHttp.Answer answer = get(open, "/api/session", "Sec-Fetch-Site: " + site);
      assertEquals(200, answer.status());
      assertEquals("", answer.header("Access-Control-Allow-Origin"));
    }
  }

  @Test
  void nothingIsDoneByLookingAtIt() throws Exception {
    String csrf = "X-CSRF-Token: " + get(open, "/api/session").body();
    for (String method : List.of("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE")) {
      RawHttp.Answer answer =
          RawHttp.ask(open.address(), method, "/api/act", "", csrf, origin(open));
      assertTrue(answer.status() == 405 || answer.body().equals("seen") || method.equals("HEAD"));
    }
    assertEquals(0, actions.get());
  }
}
