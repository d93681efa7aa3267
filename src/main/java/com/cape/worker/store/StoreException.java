package com.cape.worker.store;

import java.sql.SQLException;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;

/** The database did not do what was asked of it. The message is one line without any secret. */
public final class StoreException extends RuntimeException {
  /** What kind of trouble it is. */
  public enum Kind {
    /** Trying again later may help. */
    UNAVAILABLE,
    CREDENTIALS,
    UNKNOWN_DATABASE,
    FORBIDDEN,
    SCHEMA,
    OTHER
  }

  // A server that shuts down, or ended this connection.
  private static final Set<String> AWAY = Set.of("57P01", "57P02", "57P03", "57P04", "57P05");
  // A lock that was not free in time, a deadlock, a server that is read-only until its failover.
  private static final Set<String> PASSING = Set.of("55P03", "57014", "40P01", "40001", "25006");
  // No such table, column, type or schema; an object or type of another kind.
  private static final Set<String> UNUSABLE =
      Set.of("42P01", "42703", "42704", "42883", "3F000", "42809", "42804");
  private static final String NO_RESOURCES = "53";
  private static final String CONNECTION = "08";
  private static final String WRONG_LOGIN = "28";
  // The driver's own: the server wants a password or TLS, and was given none.
  private static final String REJECTED = "08004";
  private static final String INTERNAL = "XX000";
  private static final String PROTOCOL_VIOLATION = "08P01";
  private static final Pattern NO_DATABASE =
      Pattern.compile("^no such database|database \"[^\"]*\" does not exist");

  private final Kind kind;
  private final String sqlState;

  public StoreException(Kind kind, String sqlState, String message) {
    super(message);
    this.kind = kind;
    this.sqlState = sqlState;
  }

  public StoreException(Kind kind, String sqlState, String message, Throwable cause) {
    this(kind, sqlState, message);
    initCause(cause);
  }

  /**
   * What the driver or the pool threw.
   *
   * @param server its hosts and ports
   */
  static StoreException of(SQLException thrown, String server) {
    SQLException cause = innermost(thrown);
    String sqlState = Objects.requireNonNullElse(cause.getSQLState(), "");
    String line = ConnectionTrouble.line(cause, server);
    String message = sqlState.isEmpty() ? line : "%s (SQLSTATE %s)".formatted(line, sqlState);
    return new StoreException(kind(sqlState, line), sqlState, message, thrown);
  }

  // The pool wraps what the driver said in an exception of its own.
  private static SQLException innermost(SQLException thrown) {
    SQLException found = thrown;
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof SQLException sql) {
        found = sql;
      }
    }
    return found;
  }

  private static Kind kind(String sqlState, String line) {
    if (sqlState.startsWith(WRONG_LOGIN) || sqlState.equals(REJECTED)) {
      return Kind.CREDENTIALS;
    }
    // A pooler's own words; what it says of a server that turned it away has no code of its own.
    if (sqlState.equals(PROTOCOL_VIOLATION) && line.startsWith("no such user")) {
      return Kind.CREDENTIALS;
    }
    if (sqlState.equals(PROTOCOL_VIOLATION) && NO_DATABASE.matcher(line).find()) {
      return Kind.UNKNOWN_DATABASE;
    }
    boolean poolerFull =
        sqlState.equals(INTERNAL) && line.toLowerCase(Locale.ROOT).contains("max client");
    if (sqlState.isEmpty()
        || sqlState.startsWith(CONNECTION)
        || sqlState.startsWith(NO_RESOURCES)
        || AWAY.contains(sqlState)
        || PASSING.contains(sqlState)
        || poolerFull) {
      return Kind.UNAVAILABLE;
    }
    if (UNUSABLE.contains(sqlState)) {
      return Kind.SCHEMA;
    }
    return switch (sqlState) {
      case "3D000" -> Kind.UNKNOWN_DATABASE;
      case "42501" -> Kind.FORBIDDEN;
      default -> Kind.OTHER;
    };
  }

  public Kind kind() {
    return kind;
  }

  /** PostgreSQL's five characters; empty when none came. */
  public String sqlState() {
    return sqlState;
  }
}
