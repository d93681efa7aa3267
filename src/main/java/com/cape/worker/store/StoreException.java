package com.cape.worker.store;

import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;
import org.postgresql.util.PSQLException;

/** The message is one line without any secret. */
public final class StoreException extends RuntimeException {
  public enum Kind {
    /** The server cannot be reached, or accepts nobody. */
    UNAVAILABLE,
    /** A lock, a deadlock, a statement that took too long: try again later. */
    BUSY,
    CREDENTIALS,
    UNKNOWN_DATABASE,
    FORBIDDEN,
    SCHEMA,
    /** This statement: a constraint, a trigger, a value. */
    REFUSED
  }

  // The server shuts down, ended this connection, or is read-only until its failover.
  private static final Set<String> DOWN =
      Set.of("57P01", "57P02", "57P03", "57P04", "57P05", "25006");
  // A serialization failure, a deadlock, a lock that was not free in time, a statement limit.
  private static final Set<String> BUSY = Set.of("40001", "40P01", "55P03", "57014");
  // No such table, column, type or schema; an object or type of another kind.
  private static final Set<String> UNUSABLE =
      Set.of("42P01", "42703", "42704", "42883", "3F000", "42809", "42804");
  // untranslatable_character, character_not_in_repertoire
  private static final Set<String> OF_CHARACTERS = Set.of("22P05", "22021");
  private static final Set<Kind> ABOUT_THE_SERVER =
      Set.of(Kind.UNAVAILABLE, Kind.BUSY, Kind.CREDENTIALS, Kind.UNKNOWN_DATABASE);
  // The driver's own: the server wants a password or TLS, and was given none.
  private static final String REJECTED = "08004";
  // A pooler's own words; what it says of a server that rejected it has no code of its own.
  private static final String PROTOCOL_VIOLATION = "08P01";
  private static final String QUERY_CANCELED = "57014";
  private static final String UNABLE_TO_CONNECT = "08001";
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

  static StoreException of(SQLException thrown, String server) {
    SQLException cause = innermost(thrown);
    String sqlState = Objects.requireNonNullElse(cause.getSQLState(), "");
    String line = line(cause, server);
    String message = sqlState.isEmpty() ? line : "%s (SQLSTATE %s)".formatted(line, sqlState);
    Kind kind = kind(sqlState, line);
    return new StoreException(
        raised(cause) && ABOUT_THE_SERVER.contains(kind) ? Kind.REFUSED : kind,
        sqlState,
        message,
        thrown);
  }

  private static String line(SQLException thrown, String server) {
    if (thrown instanceof SQLTransientConnectionException && thrown.getSQLState() == null) {
      return "no connection to " + server + " could be had in time";
    }
    if (QUERY_CANCELED.equals(thrown.getSQLState())) {
      return server + " did not finish a statement in time";
    }
    return ofNetwork(thrown, server).orElseGet(() -> firstLine(thrown));
  }

  private static Optional<String> ofNetwork(SQLException thrown, String server) {
    for (Throwable cause = thrown.getCause(); cause != null; cause = cause.getCause()) {
      if (cause instanceof UnknownHostException) {
        return Optional.of("there is no host by the name of " + cause.getMessage());
      }
      if (cause instanceof NoRouteToHostException) {
        return Optional.of("there is no way to " + server);
      }
      if (cause instanceof ConnectException) {
        return Optional.of(server + " refused the connection");
      }
      if (cause instanceof SocketTimeoutException) {
        return Optional.of(server + " does not answer");
      }
      if (cause instanceof SSLException) {
        return Optional.of("no TLS with " + server + ": " + firstLine(cause));
      }
    }
    boolean silent = thrown.getCause() == null && UNABLE_TO_CONNECT.equals(thrown.getSQLState());
    return silent ? Optional.of(server + ": " + firstLine(thrown)) : Optional.empty();
  }

  private static String firstLine(Throwable thrown) {
    return Objects.requireNonNullElse(thrown.getMessage(), thrown.toString())
        .lines()
        .findFirst()
        .orElse("")
        .replaceFirst("^\\p{Lu}+: +", "");
  }

  /** Whether a RAISE in somebody's trigger made the error: it may name any SQLSTATE. */
  private static boolean raised(SQLException thrown) {
    return thrown instanceof PSQLException server
        && server.getServerErrorMessage() != null
        && "exec_stmt_raise".equals(server.getServerErrorMessage().getRoutine());
  }

  // The pool wraps the driver's exception.
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
    boolean ofPooler = sqlState.equals(PROTOCOL_VIOLATION);
    if (sqlState.startsWith("28")
        || sqlState.equals(REJECTED)
        || (ofPooler && line.startsWith("no such user"))) {
      return Kind.CREDENTIALS;
    }
    if (sqlState.equals("3D000") || (ofPooler && NO_DATABASE.matcher(line).find())) {
      return Kind.UNKNOWN_DATABASE;
    }
    boolean poolerFull =
        sqlState.equals("XX000") && line.toLowerCase(Locale.ROOT).contains("max client");
    if (sqlState.isEmpty()
        || sqlState.startsWith("08")
        || sqlState.startsWith("53")
        || DOWN.contains(sqlState)
        || poolerFull) {
      return Kind.UNAVAILABLE;
    }
    if (BUSY.contains(sqlState)) {
      return Kind.BUSY;
    }
    if (UNUSABLE.contains(sqlState)) {
      return Kind.SCHEMA;
    }
    return sqlState.equals("42501") ? Kind.FORBIDDEN : Kind.REFUSED;
  }

  public Kind kind() {
    return kind;
  }

  /** Whether any other statement would fail, too. */
  public boolean ofConnection() {
    return switch (kind) {
      case UNAVAILABLE, CREDENTIALS, UNKNOWN_DATABASE -> true;
      case BUSY, FORBIDDEN, SCHEMA, REFUSED -> false;
    };
  }

  /** Whether the database's encoding and UTF-8 do not have the same characters. */
  public boolean ofCharacters() {
    return OF_CHARACTERS.contains(sqlState);
  }

  /** PostgreSQL's five characters; empty when none came. */
  public String sqlState() {
    return sqlState;
  }
}
