package com.cape.worker.store;

import java.sql.SQLException;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.postgresql.util.PSQLException;

/** The database did not do what was asked of it. The message is one line without any secret. */
public final class StoreException extends RuntimeException {
  /** What it is about. */
  public enum Kind {
    /** The connection: the server cannot be reached, or turns everybody away. */
    UNAVAILABLE,
    /** Other sessions: a lock, a deadlock, a statement that took too long. Try again later. */
    BUSY,
    CREDENTIALS,
    UNKNOWN_DATABASE,
    FORBIDDEN,
    SCHEMA,
    /** This statement: a constraint, a trigger, a value. */
    REFUSED
  }

  // A server that shuts down, ended this connection, or is read-only until its failover.
  private static final Set<String> AWAY =
      Set.of("57P01", "57P02", "57P03", "57P04", "57P05", "25006");
  // A serialization failure, a deadlock, a lock that was not free in time, a statement limit.
  private static final Set<String> BUSY = Set.of("40001", "40P01", "55P03", "57014");
  // No such table, column, type or schema; an object or type of another kind.
  private static final Set<String> UNUSABLE =
      Set.of("42P01", "42703", "42704", "42883", "3F000", "42809", "42804");
  private static final Set<Kind> ABOUT_THE_SERVER =
      Set.of(Kind.UNAVAILABLE, Kind.BUSY, Kind.CREDENTIALS, Kind.UNKNOWN_DATABASE);
  private static final String RAISE = "exec_stmt_raise";
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
    Kind kind = kind(sqlState, line);
    return new StoreException(
        raised(cause) && ABOUT_THE_SERVER.contains(kind) ? Kind.REFUSED : kind,
        sqlState,
        message,
        thrown);
  }

  /** Whether a RAISE in somebody's trigger made the error: it may name any SQLSTATE. */
  private static boolean raised(SQLException thrown) {
    return thrown instanceof PSQLException server
        && server.getServerErrorMessage() != null
        && RAISE.equals(server.getServerErrorMessage().getRoutine());
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
        || poolerFull) {
      return Kind.UNAVAILABLE;
    }
    if (BUSY.contains(sqlState)) {
      return Kind.BUSY;
    }
    if (UNUSABLE.contains(sqlState)) {
      return Kind.SCHEMA;
    }
    return switch (sqlState) {
      case "3D000" -> Kind.UNKNOWN_DATABASE;
      case "42501" -> Kind.FORBIDDEN;
      default -> Kind.REFUSED;
    };
  }

  public Kind kind() {
    return kind;
  }

  /** Whether nothing could be asked at all: the next statement would fare the same. */
  public boolean ofConnection() {
    return switch (kind) {
      case UNAVAILABLE, CREDENTIALS, UNKNOWN_DATABASE -> true;
      case BUSY, FORBIDDEN, SCHEMA, REFUSED -> false;
    };
  }

  /** PostgreSQL's five characters; empty when none came. */
  public String sqlState() {
    return sqlState;
  }
}
