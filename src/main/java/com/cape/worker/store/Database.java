package com.cape.worker.store;

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

/** Runs single statements, each in a transaction of its own. Safe for use by several threads. */
public final class Database {
  private final DataSource dataSource;

  public Database(DataSource dataSource) {
    this.dataSource = Objects.requireNonNull(dataSource);
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
      throw new StoreException(e.getMessage(), Objects.requireNonNullElse(e.getSQLState(), ""), e);
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
