package com.cape.worker.store;

import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.Objects;
import java.util.Optional;
import javax.net.ssl.SSLException;

/** Says in one line what went wrong between here and the server. */
final class ConnectionTrouble {
  private static final String QUERY_CANCELED = "57014";
  private static final String UNABLE_TO_CONNECT = "08001";

  private ConnectionTrouble() {}

  static String line(SQLException thrown, String server) {
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
}
