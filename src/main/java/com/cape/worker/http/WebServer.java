package com.cape.worker.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.cape.worker.config.HttpAddress;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A small HTTP/1.1 server in which everything a client may take is bounded: connections, time, the
 * size of a request, and how often it asks. A request that is being read or answered has a thread;
 * an open connection that waits has none.
 */
public final class WebServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WebServer.class);

  static final int MOST_CONNECTIONS = 200;
  static final int LONGEST_HEADERS_BYTES = 16 * 1024;
  static final int LONGEST_BODY_BYTES = 1 << 20;
  static final Duration REQUEST_LIMIT = Duration.ofSeconds(10);
  static final Duration RESPONSE_LIMIT = Duration.ofSeconds(30);
  static final int REQUESTS_A_SECOND = 100;
  static final int BURST = 200;

  private static final Duration IDLE_LIMIT = Duration.ofSeconds(30);
  private static final Duration CLOCK_TICK = Duration.ofSeconds(2);
  private static final int MOST_HEADERS = 100;
  private static final int MOST_FIELDS = 100;
  // What is sent in spite of a limit is read to its end up to here, so that the answer is seen.
  private static final int MOST_DISCARDED_BYTES = 64 << 20;
  private static final Duration THREAD_IDLE = Duration.ofSeconds(10);
  private static final Pattern HOST =
      Pattern.compile("(\\[[0-9A-Fa-f:.]+]|[A-Za-z0-9._-]+)(?::\\d{1,5})?");
  private static final Pattern LOOPBACK =
      Pattern.compile("localhost|127\\.0\\.0\\.1|\\[::1]", Pattern.CASE_INSENSITIVE);
  private static final String GET = "GET";
  private static final String HEAD = "HEAD";
  private static final String POST = "POST";
  private static final String FORM = "application/x-www-form-urlencoded";

  // The JDK reads its limits once, when its first server is made.
  static {
    limit("sun.net.httpserver.maxReqTime", REQUEST_LIMIT.toSeconds());
    limit("sun.net.httpserver.maxRspTime", RESPONSE_LIMIT.toSeconds());
    limit("sun.net.httpserver.idleInterval", IDLE_LIMIT.toSeconds());
    limit("sun.net.httpserver.clockTick", CLOCK_TICK.toMillis());
    limit("sun.net.httpserver.maxReqHeaders", MOST_HEADERS);
    limit("sun.net.httpserver.maxReqHeaderSize", LONGEST_HEADERS_BYTES);
    limit("sun.net.httpserver.maxIdleConnections", MOST_CONNECTIONS);
    limit("jdk.httpserver.maxConnections", MOST_CONNECTIONS);
    // Answers are written in one piece; without it the second half waits for an acknowledgement.
    System.setProperty("sun.net.httpserver.nodelay", "true");
  }

  private static void limit(String property, long value) {
    System.setProperty(property, Long.toString(value));
  }

  private static final Map<String, String> ALWAYS =
      Map.of(
          "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
              + " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
          "X-Content-Type-Options",
          "nosniff",
          // A form would be sent without an Origin under a stricter one.
          "Referrer-Policy",
          "same-origin",
          "Cross-Origin-Opener-Policy",
          "same-origin",
          "Cross-Origin-Resource-Policy",
          "same-origin",
          "Cache-Control",
          "no-store");

  private final HttpServer server;
  private final ThreadPoolExecutor threads;
  private final Access access;
  private final Map<String, Handler> routes;
  private final RateLimit rate;

  /** Answers requests, from several threads at once. */
  public interface Handler {
    WebResponse answer(WebRequest request);
  }

  /** Decides whether a request is answered at all, before its body is read. */
  public interface Access {
    /** What is answered instead; empty when the request may pass. */
    Optional<WebResponse> refuse(WebRequest request);
  }

  private WebServer(HttpServer server, Access access, Map<String, Handler> routes, RateLimit rate) {
    this.server = server;
    this.rate = rate;
    this.access = requireNonNull(access);
    this.routes = Map.copyOf(routes);
    var count = new AtomicInteger();
    // None waits for another: a client that is slow must not keep others from being served. One is
    // always there, so that a probe is answered where no more can be had.
    this.threads =
        new ThreadPoolExecutor(
            1,
            MOST_CONNECTIONS,
            THREAD_IDLE.toMillis(),
            TimeUnit.MILLISECONDS,
            new SynchronousQueue<>(),
            task -> {
              var thread = new Thread(task, "cape-http-" + count.incrementAndGet());
              thread.setDaemon(true);
              return thread;
            });
    threads.prestartCoreThread();
  }

  /**
   * @param routes {@code /path} for GET and HEAD, {@code POST /path} for POST; a path that ends in
   *     a slash stands for all that begin with it
   * @throws IOException when the address cannot be had; the message says why
   */
  public static WebServer start(HttpAddress address, Access access, Map<String, Handler> routes)
      throws IOException {
    return start(address, access, routes, new RateLimit(REQUESTS_A_SECOND, BURST));
  }

  static WebServer start(
      HttpAddress address, Access access, Map<String, Handler> routes, RateLimit rate)
      throws IOException {
    HttpServer server;
    try {
      server = HttpServer.create(address.toSocketAddress(), 0);
    } catch (IOException e) {
      throw new IOException("cannot serve on %s: %s".formatted(address, e.getMessage()), e);
    }
    var started = new WebServer(server, access, routes, rate);
    server.createContext("/", started::handle);
    server.setExecutor(started.threads);
    server.start();
    return started;
  }

  /** The address, with the port that was found. */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
    try {
      if (!threads.awaitTermination(RESPONSE_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        LOG.warn("an answer is still being made while the server stops");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      WebResponse response;
      try {
        response = answer(exchange);
      } catch (RuntimeException e) {
        LOG.error("a request could not be answered", e);
        response = WebResponse.error(500, "the server made a mistake; its log says more");
      }
      send(exchange, response);
    }
  }

  private WebResponse answer(HttpExchange exchange) throws IOException {
    InetAddress client = exchange.getRemoteAddress().getAddress();
    Optional<Duration> wait = rate.take(client);
    if (wait.isPresent()) {
      return WebResponse.error(429, "too many requests")
          .with("Retry-After", Long.toString(wait.get().toSeconds() + 1));
    }
    String method = exchange.getRequestMethod();
    if (!List.of(GET, HEAD, POST).contains(method)) {
      return notAllowed("GET, HEAD, POST");
    }
    Optional<Map<String, String>> query =
        fields(Optional.ofNullable(exchange.getRequestURI().getRawQuery()).orElse(""));
    if (query.isEmpty()) {
      return WebResponse.error(400, "the query is malformed");
    }
    var request =
        new WebRequest(
            method.equals(POST) ? POST : GET,
            Optional.ofNullable(exchange.getRequestURI().getRawPath()).orElse(""),
            query.get(),
            Map.of(),
            headers(exchange));
    Optional<WebResponse> refusal = refuseHost(request).or(() -> access.refuse(request));
    if (refusal.isPresent()) {
      discard(exchange);
      return refusal.get();
    }
    Optional<Handler> handler = route(request.method(), request.path());
    if (handler.isEmpty()) {
      discard(exchange);
      return noRoute(request);
    }
    return request.method().equals(POST)
        ? post(exchange, request, handler.get())
        : handler.get().answer(request);
  }

  /**
   * Protects a server on a loopback address from pages of others, which can point a name of their
   * own to 127.0.0.1 (DNS rebinding). The port may differ, because of a tunnel.
   */
  private Optional<WebResponse> refuseHost(WebRequest request) {
    Matcher host = HOST.matcher(request.header("Host").orElse(""));
    if (!host.matches()) {
      return Optional.of(WebResponse.error(400, "send one Host header"));
    }
    if (address().getAddress().isLoopbackAddress() && !LOOPBACK.matcher(host.group(1)).matches()) {
      return Optional.of(
          WebResponse.error(
              421,
              "this server answers to localhost and 127.0.0.1 alone; to serve others give --http"
                  + " another address, which takes a token"));
    }
    return Optional.empty();
  }

  private WebResponse post(HttpExchange exchange, WebRequest request, Handler handler)
      throws IOException {
    String type = request.header("Content-Type").orElse("").replaceFirst("\\s*;.*", "");
    if (!type.equalsIgnoreCase(FORM)) {
      discard(exchange);
      return WebResponse.error(415, "send " + FORM);
    }
    byte[] body = exchange.getRequestBody().readNBytes(LONGEST_BODY_BYTES + 1);
    if (body.length > LONGEST_BODY_BYTES) {
      discard(exchange);
      return WebResponse.error(
          413,
          "more than %d MiB; 'cape-worker submit --file' takes longer descriptions"
              .formatted(LONGEST_BODY_BYTES >> 20));
    }
    return fields(new String(body, UTF_8))
        .map(form -> handler.answer(request.withForm(form)))
        .orElseGet(() -> WebResponse.error(400, "the form is malformed"));
  }

  private static void discard(HttpExchange exchange) throws IOException {
    byte[] block = new byte[8192];
    long left = MOST_DISCARDED_BYTES;
    for (int read = 0; read >= 0 && left > 0; left -= read) {
      read = exchange.getRequestBody().read(block);
    }
  }

  private Optional<Handler> route(String method, String path) {
    String asked = method.equals(POST) ? POST + " " + path : path;
    return routes.keySet().stream()
        .filter(route -> asked.equals(route) || (route.endsWith("/") && asked.startsWith(route)))
        .max(Comparator.comparingInt(String::length))
        .map(routes::get);
  }

  private WebResponse noRoute(WebRequest request) {
    String other = request.method().equals(POST) ? GET : POST;
    return route(other, request.path()).isPresent()
        ? notAllowed(other.equals(GET) ? "GET, HEAD" : POST)
        : WebResponse.missing();
  }

  private static WebResponse notAllowed(String methods) {
    return WebResponse.error(405, "the method must be one of " + methods).with("Allow", methods);
  }

  private static Map<String, List<String>> headers(HttpExchange exchange) {
    Map<String, List<String>> headers = new HashMap<>();
    exchange
        .getRequestHeaders()
        .forEach((name, values) -> headers.put(name.toLowerCase(Locale.ROOT), List.copyOf(values)));
    return headers;
  }

  /** Names and values as forms write them, the first of each name; empty when malformed. */
  private static Optional<Map<String, String>> fields(String text) {
    Map<String, String> fields = new HashMap<>();
    String[] parts = text.split("&", MOST_FIELDS + 1);
    if (parts.length > MOST_FIELDS) {
      return Optional.empty();
    }
    try {
      for (String part : parts) {
        int equals = part.indexOf('=');
        String name = equals < 0 ? part : part.substring(0, equals);
        String value = equals < 0 ? "" : part.substring(equals + 1);
        fields.putIfAbsent(URLDecoder.decode(name, UTF_8), URLDecoder.decode(value, UTF_8));
      }
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
    return Optional.of(fields);
  }

  private static void send(HttpExchange exchange, WebResponse response) throws IOException {
    var headers = exchange.getResponseHeaders();
    ALWAYS.forEach(headers::set);
    headers.set("Content-Type", response.contentType());
    response.headers().forEach(headers::set);
    byte[] body = response.body();
    if (exchange.getRequestMethod().equals(HEAD)) {
      headers.set("Content-Length", Integer.toString(body.length));
      exchange.sendResponseHeaders(response.status(), -1);
      return;
    }
    // -1 stands for no body.
    exchange.sendResponseHeaders(response.status(), body.length == 0 ? -1 : body.length);
    if (body.length > 0) {
      exchange.getResponseBody().write(body);
    }
  }
}
