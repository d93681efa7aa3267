package com.cape.worker.store;

import com.cape.worker.config.DatabaseUrl;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Runs single statements, each in a transaction of its own. Safe for use by several threads.
 *
 * <p>The driver sends the JVM's default time zone as the session's; {@code Main} sets it to UTC
 * before anything else, which works through every pooler, unlike a start-up option.
 */
public final class Database implements AutoCloseable {
  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
  private static final Duration KEEPALIVE = Duration.ofMinutes(2);

  private final DataSource dataSource;
  private final Runnable closing;

  /** Uses the data source and leaves it open. */
  public Database(DataSource dataSource) {
    this.dataSource = Objects.requireNonNull(dataSource);
    this.closing = () -> {};
  }

  private Database(HikariDataSource pool) {
    this.dataSource = pool;
    this.closing = pool::close;
  }

  /**
   * A pool that opens its connections when they are asked for.
   *
   * @param applicationName what {@code pg_stat_activity} shows
   * @param connections at most so many
   * @param statementLimit after which a statement without an answer fails
   */
  public static Database open(
      DatabaseUrl url, String applicationName, int connections, Duration statementLimit) {
    var config = new HikariConfig();
    config.setDataSource(driver(url, applicationName, statementLimit));
    config.setPoolName(applicationName);
    config.setMaximumPoolSize(connections);
    config.setMinimumIdle(0);
    config.setConnectionTimeout(CONNECT_LIMIT.toMillis());
    config.setValidationTimeout(CONNECT_LIMIT.toMillis());
    config.setKeepaliveTime(KEEPALIVE.toMillis());
    config.setInitializationFailTimeout(-1);
    return new Database(new HikariDataSource(config));
  }

  static DataSource driver(DatabaseUrl url, String applicationName, Duration statementLimit) {
    var source = new PGSimpleDataSource();
    source.setURL(url.jdbcUrl());
    url.user().ifPresent(source::setUser);
    url.password().ifPresent(source::setPassword);
    source.setApplicationName(applicationName);
    // A pooler in transaction mode gives each transaction another session.
    source.setPrepareThreshold(0);
    source.setConnectTimeout(Math.toIntExact(CONNECT_LIMIT.toSeconds()));
    source.setLoginTimeout(Math.toIntExact(CONNECT_LIMIT.toSeconds()));
    source.setSocketTimeout(Math.toIntExact(statementLimit.toSeconds()));
    source.setTcpKeepAlive(true);
    return source;
  }

  @Override
  public void close() {
    closing.run();
  }

  /** The only row of the answer, or none. */
  <T> Optional<T> queryOne(String sql, Binder binder, Mapper<T> mapper) {
    List<T> rows = query(sql, binder, mapper);
    if (rows.size() > 1) {
      throw new IllegalStateException(rows.size() + " rows where one was asked for");
    }
    return rows.stream().findFirst();
  }

  <T> List<T> query(String sql, Binder binder, Mapper<T> mapper) {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      binder.bind(new Binding(statement));
      try (ResultSet rows = statement.executeQuery()) {
        List<T> mapped = new ArrayList<>();
        while (rows.next()) {
          mapped.add(mapper.map(rows));
        }
        return mapped;
      }
    } catch (SQLException e) {
      throw StoreException.of(e);
    }
  }

  /** Sets a statement's parameters. */
  interface Binder {
    void bind(Binding binding) throws SQLException;
  }

  /** Reads one row. */
  interface Mapper<T> {
    T map(ResultSet row) throws SQLException;
  }

  /** A statement's parameters in the order of their question marks. */
  static final class Binding {
    private final PreparedStatement statement;
    private int next = 1;

    private Binding(PreparedStatement statement) {
      this.statement = statement;
    }

    Binding text(String value) throws SQLException {
      statement.setString(next++, value);
      return this;
    }

    Binding text(Optional<String> value) throws SQLException {
      return text(value.orElse(null));
    }

    Binding number(long value) throws SQLException {
      statement.setLong(next++, value);
      return this;
    }

    Binding number(Optional<Integer> value) throws SQLException {
      statement.setObject(next++, value.orElse(null), java.sql.Types.INTEGER);
      return this;
    }

    Binding flag(boolean value) throws SQLException {
      statement.setBoolean(next++, value);
      return this;
    }

    Binding uuid(UUID value) throws SQLException {
      statement.setObject(next++, value);
      return this;
    }

    Binding uuids(List<UUID> values) throws SQLException {
      statement.setArray(next++, statement.getConnection().createArrayOf("uuid", values.toArray()));
      return this;
    }

    Binding seconds(Duration value) throws SQLException {
      statement.setDouble(next++, value.toMillis() / 1000.0);
      return this;
    }
  }
}
