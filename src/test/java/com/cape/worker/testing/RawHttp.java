package com.cape.worker.testing;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** A connection to an HTTP server over which anything can be sent. */
public final class RawHttp implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final InetSocketAddress server;
  private final Socket socket;
  private final InputStream in;

  /** What came back, the headers by their names in lower case. */
  public record Answer(int status, Map<String, String> headers, String body) {
    public String header(String name) {
      return headers.getOrDefault(name.toLowerCase(Locale.ROOT), "");
    }
  }

  public RawHttp(InetSocketAddress server) throws IOException {
    this(server, new Socket());
  }

  private RawHttp(InetSocketAddress server, Socket socket) throws IOException {
    this.server = server;
    this.socket = socket;
    socket.setSoTimeout(Math.toIntExact(PATIENCE.toMillis()));
    socket.connect(server);
    this.in = socket.getInputStream();
  }

  /** One that takes little at a time. */
  public static RawHttp narrow(InetSocketAddress server) throws IOException {
    var socket = new Socket();
    socket.setReceiveBufferSize(1024);
    return new RawHttp(server, socket);
  }

  /** Asks on a connection of its own; each header is {@code Name: value}. */
  public static Answer ask(
      InetSocketAddress server, String method, String path, String body, String... headers)
      throws IOException {
    try (var http = new RawHttp(server)) {
      return http.ask(method, path, body, headers);
    }
  }

  /** Asks, with a Host header unless there is one among the headers. */
  public Answer ask(String method, String path, String body, String... headers) throws IOException {
    send(request(method, path, body, headers));
    return read(method.equals("HEAD"));
  }

  /** The request as it is sent. */
  public String request(String method, String path, String body, String... headers) {
    var request = new StringBuilder("%s %s HTTP/1.1\r\n".formatted(method, path));
    boolean host = false;
    for (String header : headers) {
      request.append(header).append("\r\n");
      host |= header.toLowerCase(Locale.ROOT).startsWith("host:");
    }
    if (!host) {
      request.append("Host: %s\r\n".formatted(host()));
    }
    if (method.equals("POST")) {
      request.append(
          "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n"
              .formatted(body.getBytes(UTF_8).length));
    }
    return request.append("\r\n").append(body).toString();
  }

  /** As the server knows itself. */
  public String host() {
    return "127.0.0.1:" + server.getPort();
  }

  public void send(String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(UTF_8));
    socket.getOutputStream().flush();
  }

  /** The next answer. */
  public Answer read() throws IOException {
    return read(false);
  }

  private Answer read(boolean head) throws IOException {
    String[] status = line().split(" ", 3);
    Map<String, String> headers = new LinkedHashMap<>();
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      headers.merge(
          line.substring(0, colon).toLowerCase(Locale.ROOT),
          line.substring(colon + 1).strip(),
          (one, other) -> one + "," + other);
    }
    int length = head ? 0 : Integer.parseInt(headers.getOrDefault("content-length", "0"));
    return new Answer(
        Integer.parseInt(status[1]), headers, new String(in.readNBytes(length), UTF_8));
  }

  private String line() throws IOException {
    var line = new ByteArrayOutputStream();
    for (int b = in.read(); b != '\n'; b = in.read()) {
      if (b < 0) {
        throw new EOFException("the server ended the connection");
      }
      line.write(b);
    }
    return line.toString(ISO_8859_1).stripTrailing();
  }

  /** Whether the server ends the connection, sooner or later, whatever else it sends. */
  public boolean endedByServer(Duration within) throws IOException {
    socket.setSoTimeout(Math.toIntExact(within.toMillis()));
    try {
      in.transferTo(OutputStream.nullOutputStream());
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
