package com.cape.worker.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The driver's URL. Never prints its password. psql's parameters work as they do there; the driver
 * ignores those of other programs ({@code pgbouncer}, {@code schema}).
 *
 * @param jdbcUrl without user and password; each host with its port
 */
public record DatabaseUrl(String jdbcUrl, Optional<String> user, Optional<String> password) {
  private static final Pattern URI =
      Pattern.compile(
          "postgres(?:ql)?://(?:([^:@/?]*)(?::([^@/?]*))?@)?([^/?#@]*)(?:/([^?#@]*))?(?:\\?([^#]*))?");
  private static final Pattern JDBC =
      Pattern.compile("jdbc:postgresql:(?://([^/?@]*)/?)?([^/?]*)(?:\\?(.*))?");
  private static final Pattern HOST =
      Pattern.compile("(\\[[^\\[\\]]+]|[^:\\[\\]]*)(?::(\\d{0,5}))?");
  private static final Pattern HOSTS = Pattern.compile("jdbc:postgresql://([^/]*)/.*");
  private static final Pattern KEY_PASSWORD = Pattern.compile("([?&]sslpassword=)[^&]*");
  private static final String DEFAULT_PORT = "5432";
  private static final int HIGHEST_PORT = 65535;

  /** Throws IllegalArgumentException with a message that does not hold the text. */
  public static DatabaseUrl parse(String text) {
    Matcher jdbc = JDBC.matcher(text);
    if (jdbc.matches()) {
      return of(
          orEmpty(jdbc.group(1)),
          orEmpty(jdbc.group(2)),
          parameters(orEmpty(jdbc.group(3))),
          Optional.empty(),
          Optional.empty());
    }
    Matcher uri = URI.matcher(text);
    if (!uri.matches()) {
      throw malformed();
    }
    // The driver reads a plus as a space, as in forms; here it is a plus.
    return of(
        uri.group(3),
        plain(orEmpty(uri.group(4))),
        parameters(plain(orEmpty(uri.group(5)))),
        given(uri.group(1)).map(user -> decoded(plain(user))),
        given(uri.group(2)).map(password -> decoded(plain(password))));
  }

  private static DatabaseUrl of(
      String authority,
      String path,
      Map<String, String> parameters,
      Optional<String> userBefore,
      Optional<String> passwordBefore) {
    Optional<String> user = taken(parameters, "user").or(() -> userBefore);
    Optional<String> password = taken(parameters, "password").or(() -> passwordBefore);
    String database =
        taken(parameters, "dbname")
            .map(name -> URLEncoder.encode(name, UTF_8))
            .or(() -> given(path))
            .or(() -> user.map(name -> URLEncoder.encode(name, UTF_8)))
            .orElse("");
    decoded(database);
    String hosts =
        hosts(
            taken(parameters, "host").or(() -> given(authority)).orElse("localhost"),
            taken(parameters, "port").orElse(""));
    var url = new StringBuilder("jdbc:postgresql://").append(hosts).append('/').append(database);
    LibpqParameters.translate(parameters);
    String separator = "?";
    for (Map.Entry<String, String> parameter : parameters.entrySet()) {
      url.append(separator).append(parameter.getKey()).append('=').append(parameter.getValue());
      separator = "&";
    }
    return new DatabaseUrl(url.toString(), user, password);
  }

  private static Map<String, String> parameters(String query) {
    Map<String, String> parameters = new LinkedHashMap<>();
    for (String parameter : query.split("&")) {
      int equals = parameter.indexOf('=');
      if (equals > 0) {
        String value = parameter.substring(equals + 1);
        decoded(value);
        parameters.put(parameter.substring(0, equals), value);
      }
    }
    return parameters;
  }

  private static Optional<String> taken(Map<String, String> parameters, String name) {
    return given(parameters.remove(name)).map(DatabaseUrl::decoded);
  }

  private static String hosts(String hosts, String ports) {
    if (hosts.startsWith("/") || hosts.startsWith("%2F") || hosts.startsWith("%2f")) {
      throw new IllegalArgumentException(
          "a socket directory is no host: the driver speaks TCP only; try localhost");
    }
    String[] names = hosts.split(",", -1);
    String[] given = ports.split(",", -1);
    List<String> all = new ArrayList<>();
    for (int i = 0; i < names.length; i++) {
      all.add(host(names[i], given[Math.min(i, given.length - 1)]));
    }
    return String.join(",", all);
  }

  private static String host(String text, String otherPort) {
    Matcher host = HOST.matcher(text);
    if (!host.matches()) {
      throw malformed();
    }
    String port = given(host.group(2)).or(() -> given(otherPort)).orElse(DEFAULT_PORT);
    if (!port.matches("\\d{1,5}")
        || Integer.parseInt(port) < 1
        || Integer.parseInt(port) > HIGHEST_PORT) {
      throw new IllegalArgumentException("the port has to be a number from 1 to 65535");
    }
    return given(host.group(1)).orElse("localhost") + ":" + port;
  }

  private static String orEmpty(String part) {
    return given(part).orElse("");
  }

  private static Optional<String> given(String part) {
    return Optional.ofNullable(part).filter(text -> !text.isEmpty());
  }

  private static String plain(String part) {
    return part.replace("+", "%2B");
  }

  private static String decoded(String part) {
    try {
      return URLDecoder.decode(part, UTF_8);
    } catch (IllegalArgumentException e) {
      throw malformed();
    }
  }

  private static IllegalArgumentException malformed() {
    return new IllegalArgumentException(
        "no database URL: expected postgresql://user:password@host:port/database or"
            + " jdbc:postgresql://...; a / ? # @ % in the password is written %2F %3F %23 %40 %25");
  }

  public DatabaseUrl withDefaultPassword(Optional<String> fallback) {
    return new DatabaseUrl(jdbcUrl, user, password.or(() -> fallback));
  }

  public String hosts() {
    Matcher found = HOSTS.matcher(jdbcUrl);
    return found.matches() ? found.group(1) : "the database";
  }

  public boolean sets(String parameter) {
    return jdbcUrl.contains("?" + parameter + "=") || jdbcUrl.contains("&" + parameter + "=");
  }

  @Override
  public String toString() {
    String login = user.map(name -> name + (password.isPresent() ? ":****@" : "@")).orElse("");
    String rest = jdbcUrl.replaceFirst("^jdbc:postgresql://", "");
    return "postgresql://" + login + KEY_PASSWORD.matcher(rest).replaceAll("$1****");
  }
}
