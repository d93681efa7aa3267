package com.cape.worker.http;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Keeps pages of others from reaching a server that only listens on this host: they can point a
 * name of their own to 127.0.0.1 (DNS rebinding), but the browser sends that name. The port may be
 * another one, that of a tunnel.
 */
final class HostCheck implements WebAccess {
  private static final Pattern HOST =
      Pattern.compile("(\\[[0-9A-Fa-f:.]+]|[A-Za-z0-9._-]+)(?::\\d{1,5})?");
  private static final Pattern LOOPBACK =
      Pattern.compile("localhost|127\\.0\\.0\\.1|\\[::1]", Pattern.CASE_INSENSITIVE);

  private final boolean loopback;

  public HostCheck(boolean loopback) {
    this.loopback = loopback;
  }

  @Override
  public Optional<WebResponse> refuse(WebRequest request) {
    Matcher host = HOST.matcher(request.header("Host").orElse(""));
    if (!host.matches()) {
      return Optional.of(WebResponse.error(400, "send one Host header"));
    }
    if (loopback && !LOOPBACK.matcher(host.group(1)).matches()) {
      return Optional.of(
          WebResponse.error(
              421,
              "this server answers to localhost and 127.0.0.1 alone; to serve others give --http"
                  + " another address, which takes a token"));
    }
    return Optional.empty();
  }
}
