package com.cape.worker.http;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.HttpAddress;
import com.cape.worker.testing.RawHttp;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What each client may take of the server. */
@Timeout(60)
class WebServerTest {
  private static final String[] PROTECTION = {
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        + " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options: nosniff",
    "Referrer-Policy: same-origin",
    "Cross-Origin-Opener-Policy: same-origin",
    "Cross-Origin-Resource-Policy: same-origin",
    "Cache-Control: no-store"
  };

  private final AtomicInteger changes = new AtomicInteger();
  private final WebServer server = start();

  private WebServer start() {
    try {
      return WebServer.start(
          HttpAddress.parse("127.0.0.1:0"),
          request ->
              request.path().equals("/secret")
                  ? Optional.of(WebResponse.error(401, "no"))
                  : Optional.empty(),
          Map.of(
              "/page", request -> WebResponse.text(200, "page " + request.query().get("q")),
              "/empty", request -> WebResponse.text(200, ""),
              "/below/", request -> WebResponse.text(200, request.path()),
              "/secret", request -> WebResponse.text(200, "secret"),
              "/mistake",
                  request -> {
                    throw new IllegalStateException("password");
                  },
              "POST /change",
                  request -> {
                    changes.incrementAndGet();
                    return WebResponse.text(200, "changed " + request.form().get("x"));
                  }));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void requestsAreAnsweredByTheirRoutes() throws Exception {
    try (var http = new RawHttp(server.address())) {
      assertEquals("page a b&ż", http.ask("GET", "/page?q=a+b%26%C5%BC&q=2", "").body());
      assertEquals("", http.ask("GET", "/empty", "").body());
      assertEquals("/below/42/x", http.ask("GET", "/below/42/x", "").body());
      assertEquals("changed 1", http.ask("POST", "/change", "x=1").body());
      RawHttp.Answer head = http.ask("HEAD", "/page?q=x", "");
      assertEquals(200, head.status());
      assertEquals("6", head.header("Content-Length"));
      assertEquals(404, http.ask("GET", "/", "").status());
      assertEquals(404, http.ask("GET", "/pages", "").status());
      assertEquals(404, http.ask("GET", "/page/x", "").status());
    }
  }

  @Test
  void pipelinedRequestsAreAnsweredInTheirOrder() throws Exception {
    try (var http = new RawHttp(server.address())) {
      StringBuilder all = new StringBuilder();
      for (int i = 0; i < 20; i++) {
        all.append(http.request("GET", "/page?q=" + i, ""));
        all.append(http.request("POST", "/change", "x=" + i));
      }
      http.send(all.toString());
      for (int i = 0; i < 20; i++) {
        assertEquals("page " + i, http.read().body());
        assertEquals("changed " + i, http.read().body());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "GARBAGE", "get"})
  void otherMethodsAreRefused(String method) throws Exception {
    RawHttp.Answer answer = RawHttp.ask(server.address(), method, "/page", "");
    assertEquals(405, answer.status());
    assertEquals("GET, HEAD, POST", answer.header("Allow"));
  }

  @Test
  void onlyPostChangesAnything() throws Exception {
    for (String method : List.of("GET", "HEAD")) {
      RawHttp.Answer answer = RawHttp.ask(server.address(), method, "/change?x=1", "");
      assertEquals(405, answer.status());
      assertEquals("POST", answer.header("Allow"));
    }
    assertEquals(405, RawHttp.ask(server.address(), "POST", "/page", "").status());
    assertEquals(0, changes.get());
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /page, 200", "GET, /empty, 200", "GET, /nowhere, 404", "GET, /secret, 401",
    "GET, /mistake, 500", "PUT, /page, 405", "GET, /page?{many}, 400", "HEAD, /page, 200",
    "POST, /change, 200"
  })
  void everyAnswerKeepsItsReaderSafe(String method, String path, int status) throws Exception {
    String target = path.replace("{many}", "a=1&".repeat(200));
    RawHttp.Answer answer = RawHttp.ask(server.address(), method, target, "");
    assertEquals(status, answer.status());
    for (String header : PROTECTION) {
      String name = header.substring(0, header.indexOf(':'));
      assertEquals(header.substring(name.length() + 2), answer.header(name), name);
    }
    assertFalse(answer.body().contains("password"), answer.body());
  }

  @Test
  void malformedQueryIsRefused() throws Exception {
    // The JDK itself refuses what is no URI.
    for (String query : List.of("%zz", "%", "a=%f")) {
      assertEquals(400, RawHttp.ask(server.address(), "GET", "/page?" + query, "").status());
    }
    String many = "a=1&".repeat(200);
    assertEquals(400, RawHttp.ask(server.address(), "GET", "/page?" + many, "").status());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Host: evil.example:%d",
        "Host: localhost.evil.example:%d",
        "Host: 127.0.0.1.evil.example",
        "Host: 10.0.0.7:%d",
        "Host: 169.254.169.254",
        "Host: [::2]:%d"
      })
  void nameOfOthersForThisAddressIsRefused(String host) throws Exception {
    String header = host.formatted(server.address().getPort());
    assertEquals(421, RawHttp.ask(server.address(), "GET", "/page", "", header).status());
    assertEquals(421, RawHttp.ask(server.address(), "POST", "/change", "x=1", header).status());
    assertEquals(0, changes.get());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"localhost:%d", "LOCALHOST", "127.0.0.1:%d", "[::1]:%d", "localhost:9090"})
  void ownNamesAreAnsweredThroughATunnelToo(String host) throws Exception {
    String header = "Host: " + host.formatted(server.address().getPort());
    assertEquals(200, RawHttp.ask(server.address(), "GET", "/page", "", header).status());
  }

  @Test
  void exactlyOneHostHasToBeNamed() throws Exception {
    String local = "Host: localhost";
    for (String[] headers :
        new String[][] {
          {"Host:"},
          {"Host: a b"},
          {local, local},
          {local, "Host: evil.example"},
          {"Host: localhost/x"}
        }) {
      assertEquals(
          400, RawHttp.ask(server.address(), "GET", "/page", "", headers).status(), headers[0]);
    }
    try (var http = new RawHttp(server.address())) {
      http.send("GET /page HTTP/1.0\r\n\r\n");
      assertEquals(400, http.read().status());
    }
  }

  @Test
  void serverOfOtherAddressesIsKnownByAnyName() throws Exception {
    try (var open =
        WebServer.start(
            HttpAddress.parse("0.0.0.0:0"),
            request -> Optional.empty(),
            Map.of("/page", request -> WebResponse.text(200, "page")))) {
      var here = new InetSocketAddress(InetAddress.getLoopbackAddress(), open.address().getPort());
      assertEquals(200, RawHttp.ask(here, "GET", "/page", "", "Host: dashboard.example").status());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {150, 10_000})
  void manyHeadersEndTheConnection(int number) throws Exception {
    try (var http = new RawHttp(server.address())) {
      refused(http, "GET /page HTTP/1.1\r\nHost: localhost\r\n" + headers(number, 1) + "\r\n");
    }
  }

  @Test
  void longHeadersEndTheConnection() throws Exception {
    try (var http = new RawHttp(server.address())) {
      assertEquals(200, http.ask("GET", "/page", "", "X: " + "y".repeat(12_000)).status());
      refused(
          http, "GET /page HTTP/1.1\r\nHost: localhost\r\nX: " + "y".repeat(17_000) + "\r\n\r\n");
    }
    try (var http = new RawHttp(server.address())) {
      refused(http, "GET /page?q=" + "y".repeat(17_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    try (var http = new RawHttp(server.address())) {
      refused(http, "GET /page HTTP/1.1\r\nHost: localhost\r\n" + headers(90, 300) + "\r\n");
    }
  }

  private static String headers(int number, int length) {
    var headers = new StringBuilder();
    for (int i = 0; i < number; i++) {
      headers.append("X-").append(i).append(": ").append("y".repeat(length)).append("\r\n");
    }
    return headers.toString();
  }

  /** An answer, or the end of the connection, but never the page. */
  private static void refused(RawHttp http, String request) {
    int status;
    try {
      http.send(request);
      status = http.read().status();
    } catch (IOException e) {
      return;
    }
    assertTrue(status >= 400, "answered " + status);
  }

  @Test
  void bodyThatIsTooLargeIsRefusedClearly() throws Exception {
    String fits = "x=" + "y".repeat(WebServer.LONGEST_BODY_BYTES - 2);
    assertEquals(200, RawHttp.ask(server.address(), "POST", "/change", fits).status());
    for (String body : List.of(fits + "y", fits + "y".repeat(5 << 20))) {
      RawHttp.Answer answer = RawHttp.ask(server.address(), "POST", "/change", body);
      assertEquals(413, answer.status());
      assertTrue(answer.body().contains("more than 1 MiB"), answer.body());
    }
    assertEquals(1, changes.get());
  }

  @Test
  void chunkedBodyWithoutEndIsRefused() throws Exception {
    String chunk = "10000\r\n" + "y".repeat(0x10000) + "\r\n";
    String head =
        String.join(
            "\r\n",
            "POST /change HTTP/1.1",
            "Host: localhost",
            "Transfer-Encoding: chunked",
            "Content-Type: application/x-www-form-urlencoded",
            "",
            "");
    try (var http = new RawHttp(server.address())) {
      http.send(head);
      for (int i = 0; i < 32; i++) {
        http.send(chunk);
      }
      http.send("0\r\n\r\n");
      assertEquals(413, http.read().status());
    }
    try (var http = new RawHttp(server.address())) {
      http.send(head);
      // Far more than is read: the server ends it.
      assertThrows(
          IOException.class,
          () -> {
            for (int i = 0; i < 10_000; i++) {
              http.send(chunk);
            }
          });
    }
    assertEquals(0, changes.get());
  }

  @Test
  void lengthsThatContradictEachOtherAreRefused() throws Exception {
    String head = "POST /change HTTP/1.1\r\nHost: localhost\r\n";
    for (String lengths :
        List.of(
            "Content-Length: 3\r\nContent-Length: 4\r\n",
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: x\r\n",
            "Transfer-Encoding: gzip\r\n")) {
      try (var http = new RawHttp(server.address())) {
        refused(
            http,
            head + "Content-Type: application/x-www-form-urlencoded\r\n" + lengths + "\r\nx=1\r\n");
      }
    }
    assertEquals(0, changes.get());
  }

  @Test
  void bodyHasToBeAForm() throws Exception {
    for (String type :
        List.of("application/json", "text/plain", "multipart/form-data; boundary=x")) {
      try (var http = new RawHttp(server.address())) {
        http.send(
            "POST /change HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: 3\r\n\r\nx=1"
                .formatted(type));
        assertEquals(415, http.read().status(), type);
      }
    }
    assertEquals(0, changes.get());
  }

  @Test
  void whoAsksTooOftenHasToWait() throws Exception {
    var nanos = new AtomicLong();
    var rate = new RateLimit(WebServer.REQUESTS_A_SECOND, WebServer.BURST, nanos::get);
    try (var limited =
            WebServer.start(
                HttpAddress.parse("127.0.0.1:0"),
                request -> Optional.empty(),
                Map.of("/page", request -> WebResponse.text(200, "page")),
                rate);
        var http = new RawHttp(limited.address())) {
      for (int i = 0; i < WebServer.BURST; i++) {
        assertEquals(200, http.ask("GET", "/page", "").status());
      }
      RawHttp.Answer answer = http.ask("GET", "/page", "");
      assertEquals(429, answer.status());
      assertEquals("1", answer.header("Retry-After"));
      nanos.addAndGet(Duration.ofMillis(10).toNanos());
      assertEquals(200, http.ask("GET", "/page", "").status());
      assertEquals(429, http.ask("POST", "/page", "").status());
    }
  }

  @Test
  void connectionsAreBoundedAndComeFreeAgain() throws Exception {
    List<RawHttp> open = new ArrayList<>();
    try {
      int served = 0;
      for (int i = 0; i < 300; i++) {
        try {
          var http = new RawHttp(server.address());
          open.add(http);
          http.send("GET /page HTTP/1.1\r\nHost: loc");
          if (i < 100) {
            http.send("alhost\r\n\r\n");
            assertEquals(200, http.read().status());
          }
          served++;
        } catch (IOException e) {
          // One too many.
        }
      }
      long ended = 0;
      for (RawHttp http : open.subList(WebServer.MOST_CONNECTIONS + 10, open.size())) {
        ended += http.endedByServer(Duration.ofMillis(500)) ? 1 : 0;
      }
      assertTrue(served >= 100, "served " + served);
      assertEquals(open.size() - WebServer.MOST_CONNECTIONS - 10, ended);
    } finally {
      for (RawHttp http : open) {
        http.close();
      }
    }
    await()
        .atMost(Duration.ofSeconds(10))
        .ignoreExceptions()
        .until(() -> RawHttp.ask(server.address(), "GET", "/page", "").status() == 200);
  }

  @Test
  void slowClientsKeepNobodyWaiting() throws Exception {
    List<RawHttp> slow = new ArrayList<>();
    try {
      for (int i = 0; i < 100; i++) {
        var http = new RawHttp(server.address());
        slow.add(http);
        http.send(
            i % 2 == 0
                ? "GET /pa"
                : "POST /change HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
                    + "Content-Type: application/x-www-form-urlencoded\r\n\r\nx");
      }
      long start = System.nanoTime();
      assertEquals(200, RawHttp.ask(server.address(), "GET", "/page", "").status());
      Duration took = Duration.ofNanos(System.nanoTime() - start);
      assertTrue(took.compareTo(Duration.ofSeconds(2)) < 0, took.toString());
    } finally {
      for (RawHttp http : slow) {
        http.close();
      }
    }
  }

  @Test
  void addressThatIsTakenIsNamed() {
    var taken = new HttpAddress("127.0.0.1", server.address().getPort());
    var thrown =
        assertThrows(
            IOException.class, () -> WebServer.start(taken, request -> Optional.empty(), Map.of()));
    assertTrue(thrown.getMessage().contains("cannot serve on " + taken), thrown.getMessage());
  }

  @Test
  void nothingIsLeftOfAServerThatWasClosed() throws Exception {
    assertEquals(200, RawHttp.ask(server.address(), "GET", "/page", "").status());
    server.close();
    assertThrows(IOException.class, () -> RawHttp.ask(server.address(), "GET", "/page", ""));
    // A pool counts as terminated just before its last thread has ended.
    await()
        .until(
            () ->
                Thread.getAllStackTraces().keySet().stream()
                    .noneMatch(thread -> thread.getName().startsWith("cape-http-")));
  }
}
