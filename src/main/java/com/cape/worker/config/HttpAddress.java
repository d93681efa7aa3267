package com.cape.worker.config;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * @param host a name, an IPv4 address, or an IPv6 address in brackets
 * @param port 0 for any that is free
 */
public record HttpAddress(String host, int port) {
  private static final Pattern HOST_AND_PORT =
      Pattern.compile("(\\[[0-9A-Fa-f:.%]+]|[A-Za-z0-9._-]+):(\\d{1,5})");
  private static final Pattern LITERAL = Pattern.compile("\\[.*]|\\d+(?:\\.\\d+){3}");
  private static final int HIGHEST_PORT = 65_535;

  /** Throws IllegalArgumentException with a message for people. */
  public static HttpAddress parse(String text) {
    Matcher matcher = HOST_AND_PORT.matcher(text.strip());
    if (!matcher.matches() || Integer.parseInt(matcher.group(2)) > HIGHEST_PORT) {
      throw malformed();
    }
    var address = new HttpAddress(matcher.group(1), Integer.parseInt(matcher.group(2)));
    if (address.isLiteral()) {
      address.literal();
    }
    return address;
  }

  private static IllegalArgumentException malformed() {
    return new IllegalArgumentException("must be HOST:PORT, for instance 127.0.0.1:8080");
  }

  /** Whether only this host can reach it: of names, {@code localhost} alone. */
  public boolean loopback() {
    return isLocalhost() || (isLiteral() && literal().isLoopbackAddress());
  }

  public InetSocketAddress toSocketAddress() throws UnknownHostException {
    // A hosts file may have another address for localhost.
    InetAddress found =
        isLocalhost() ? InetAddress.getLoopbackAddress() : InetAddress.getByName(host);
    return new InetSocketAddress(found, port);
  }

  private boolean isLocalhost() {
    return host.equalsIgnoreCase("localhost");
  }

  private boolean isLiteral() {
    return LITERAL.matcher(host).matches();
  }

  private InetAddress literal() {
    try {
      return InetAddress.getByName(host);
    } catch (UnknownHostException e) {
      throw malformed();
    }
  }

  @Override
  public String toString() {
    return host + ":" + port;
  }
}
