package com.cape.worker.store;

import com.cape.worker.config.DatabaseUrl;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ForkJoinPool;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/**
 * LISTEN, on a connection of its own. One thread uses it; any other may close it, which ends a wait
 * at once.
 *
 * <p>Until a probe has arrived it listens for its own probes alone: a pooler leaves a LISTEN behind
 * in a session that others use next, and there nobody sends anything on that channel.
 */
public final class IssueListener implements AutoCloseable {
  /** Called by the thread that waits. */
  public interface Handler {
    /** So many issues, numbered from the first one on, fall due. */
    default void due(int count, long firstIssueId) {}

    default void cancelRequested(long issueId) {}

    default void pausesChanged() {}

    default void workerAsked(String workerId) {}
  }

  private static final String CHANNEL = "cape_issues";
  private static final Duration LIMIT = Duration.ofSeconds(5);
  private static final int FAREWELL_MILLIS = 1000;

  private final DatabaseUrl url;
  private final String applicationName;
  private final Database sender;
  private final String ownChannel;
  private Connection connection;
  private String awaited = "";
  private boolean proven;
  private boolean closed;

  /** Opens no connection yet. Probes are sent from another one, on a channel of the instance. */
  public IssueListener(DatabaseUrl url, String applicationName, Database sender, UUID instance) {
    this.url = url;
    this.applicationName = applicationName;
    this.sender = sender;
    this.ownChannel = "cape_probe_" + instance.toString().replace("-", "");
  }

  /** Opens a new connection, and listens on it for probes. */
  public void connect() {
    disconnect();
    try {
      keep(Database.connect(url, applicationName, LIMIT));
      proven = false;
      execute("LISTEN " + ownChannel);
    } catch (SQLException e) {
      throw StoreException.of(e, url.hosts());
    }
  }

  private void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  private synchronized void keep(Connection opened) throws SQLException {
    connection = opened;
    if (closed) {
      opened.close();
    }
  }

  private static final String NOTIFY = "SELECT pg_notify(?::text, ?::text)";

  /** Sends a notification that no other worker gets, from another connection. */
  public void probe() {
    String token = UUID.randomUUID().toString();
    awaited = token;
    sender.queryOne(NOTIFY, bind -> bind.text(ownChannel).text(token), row -> token);
  }

  /** Waits; returns whether the last probe arrived. After the first one it listens for all. */
  public boolean await(Duration atMost, Handler handler) {
    boolean probed = false;
    try {
      PGNotification[] received =
          connection
              .unwrap(PGConnection.class)
              .getNotifications((int) Math.max(1, atMost.toMillis()));
      for (PGNotification notification :
          Objects.requireNonNullElse(received, new PGNotification[0])) {
        if (notification.getName().equals(CHANNEL)) {
          handle(notification.getParameter().split(" "), handler);
        } else {
          probed |= notification.getParameter().equals(awaited);
        }
      }
      if (probed && !proven) {
        execute("LISTEN " + CHANNEL);
        proven = true;
      }
    } catch (SQLException e) {
      throw StoreException.of(e, url.hosts());
    }
    return probed;
  }

  private static void handle(String[] words, Handler handler) {
    try {
      switch (words[0]) {
        case "due" -> handler.due(Integer.parseInt(words[1]), Long.parseLong(words[2]));
        case "cancel" -> handler.cancelRequested(Long.parseLong(words[1]));
        case "pause" -> handler.pausesChanged();
        case "worker" -> handler.workerAsked(words[1]);
        default -> {} // for another version
      }
    } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
      // Anybody may notify.
    }
  }

  /** For the next user of a pooler's session. Bounded, should the connection be dead. */
  public void unlisten() {
    try {
      connection.setNetworkTimeout(ForkJoinPool.commonPool(), FAREWELL_MILLIS);
      execute("UNLISTEN " + ownChannel);
    } catch (SQLException e) {
      // The connection is closed in any case.
    }
  }

  public synchronized void disconnect() {
    if (connection == null) {
      return;
    }
    try {
      // Unlike close, this sends nothing, which could block.
      connection.abort(Runnable::run);
    } catch (SQLException e) {
      // It was closed already.
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    disconnect();
  }
}
