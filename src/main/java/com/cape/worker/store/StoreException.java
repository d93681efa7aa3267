package com.cape.worker.store;

import java.sql.SQLException;
import java.util.Objects;
import java.util.Set;

/** The database did not do what was asked of it. The message is one line without any secret. */
public final class StoreException extends RuntimeException {
  // The server is not there, does not take connections now, or ended this one.
  private static final Set<String> AWAY = Set.of("57P01", "57P02", "57P03", "57P05", "53300");
  // A lock that was not free in time, a deadlock, a server that is read-only until its failover.
  private static final Set<String> PASSING = Set.of("55P03", "57014", "40P01", "40001", "25006");
  private static final Set<String> NO_TABLE_OR_COLUMN = Set.of("42P01", "42703");

  /** What kind of trouble it is. */
  public enum Kind {
    /** Trying again later may help. */
    UNREACHABLE,
    CREDENTIALS,
    UNKNOWN_DATABASE,
    FORBIDDEN,
    SCHEMA,
    OTHER
  }

  private final Kind kind;
  private final String sqlState;

  StoreException(Kind kind, String sqlState, String message, Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.sqlState = sqlState;
  }

  static StoreException of(SQLException thrown) {
    SQLException cause = innermost(thrown);
    String sqlState = Objects.requireNonNullElse(cause.getSQLState(), "");
    String line =
        Objects.requireNonNullElse(cause.getMessage(), cause.toString())
            .lines()
            .findFirst()
            .orElse("");
    String message = sqlState.isEmpty() ? line : "%s (SQLSTATE %s)".formatted(line, sqlState);
    return new StoreException(kind(sqlState), sqlState, message, thrown);
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

  private static Kind kind(String sqlState) {
    if (sqlState.isEmpty()
        || sqlState.startsWith("08")
        || AWAY.contains(sqlState)
        || PASSING.contains(sqlState)) {
      return Kind.UNREACHABLE;
    }
    if (sqlState.startsWith("28")) {
      return Kind.CREDENTIALS;
    }
    if (NO_TABLE_OR_COLUMN.contains(sqlState)) {
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
