package com.cape.worker.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLDecoder;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where the database is, as the driver takes it. Never prints its password.
 *
 * @param jdbcUrl without user and password, where it was given as {@code postgresql://}
 */
public record DatabaseUrl(String jdbcUrl, Optional<String> user, Optional<String> password) {
  private static final Pattern URI =
      Pattern.compile(
          "postgres(?:ql)?://(?:([^:@/?]*)(?::([^@/?]*))?@)?([^/?#@]*)(?:/([^?#@]*))?(?:\\?([^#]*))?");
  private static final Pattern JDBC_PASSWORD = Pattern.compile("([?&]password=)[^&]*");

  /**
   * Reads {@code postgresql://}, {@code postgres://} or {@code jdbc:postgresql:}.
   *
   * @throws IllegalArgumentException saying what was expected, without what was given
   */
  public static DatabaseUrl parse(String text) {
    if (text.startsWith("jdbc:postgresql:")) {
      return new DatabaseUrl(text, Optional.empty(), Optional.empty());
    }
    Matcher uri = URI.matcher(text);
    if (!uri.matches()) {
      throw new IllegalArgumentException(
          "no database URL: expected postgresql://user:password@host:port/database or jdbc:postgresql://...;"
              + " a / ? # @ in the password is written %2F %3F %23 %40");
    }
    String database = Optional.ofNullable(uri.group(4)).orElse("");
    String parameters = Optional.ofNullable(uri.group(5)).map(query -> "?" + query).orElse("");
    return new DatabaseUrl(
        "jdbc:postgresql://" + uri.group(3) + "/" + database + parameters,
        decoded(uri.group(1)),
        decoded(uri.group(2)));
  }

  /** The same with that password, where it has none of its own. */
  public DatabaseUrl withDefaultPassword(Optional<String> fallback) {
    boolean own = password.isPresent() || JDBC_PASSWORD.matcher(jdbcUrl).find();
    return own ? this : new DatabaseUrl(jdbcUrl, user, fallback);
  }

  private static Optional<String> decoded(String part) {
    // URLDecoder is for forms, where a plus means a space.
    return Optional.ofNullable(part)
        .filter(text -> !text.isEmpty())
        .map(text -> URLDecoder.decode(text.replace("+", "%2B"), UTF_8));
  }

  @Override
  public String toString() {
    String url = JDBC_PASSWORD.matcher(jdbcUrl).replaceAll("$1****");
    return password.isPresent() ? url + " (password ****)" : url;
  }
}
