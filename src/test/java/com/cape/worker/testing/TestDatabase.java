package com.cape.worker.testing;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;

/** An empty database on a real PostgreSQL: one server a run, a database for whoever asks. */
public final class TestDatabase {
  private static final AtomicInteger COUNT = new AtomicInteger();

  private final DataSource dataSource;

  private TestDatabase(DataSource dataSource) {
    this.dataSource = dataSource;
  }

  /** A new database on the server that CAPE_TEST_DATABASE_URL names, else on an embedded one. */
  public static TestDatabase create() {
    String name = "cape_test_" + ProcessHandle.current().pid() + "_" + COUNT.incrementAndGet();
    new TestDatabase(Server.at(Optional.empty())).execute("CREATE DATABASE " + name);
    return new TestDatabase(Server.at(Optional.of(name)));
  }

  /** As a user would write it: {@code postgresql://user:password@host:port/name}. */
  public String url() {
    var source = (PGSimpleDataSource) dataSource;
    String password = source.getPassword() == null ? "" : ":" + source.getPassword();
    return "postgresql://%s%s@%s:%d/%s"
        .formatted(
            source.getUser(),
            password,
            source.getServerNames()[0],
            source.getPortNumbers()[0],
            source.getDatabaseName());
  }

  public DataSource dataSource() {
    return dataSource;
  }

  public void execute(String sql) {
    try (Connection connection = dataSource.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  /** The first column of the first row, as text. */
  public String value(String sql) {
    try (Connection connection = dataSource.getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      rows.next();
      return String.valueOf(rows.getString(1));
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  private static final class Server {
    private static final Optional<String> NAMED =
        Optional.ofNullable(System.getenv("CAPE_TEST_DATABASE_URL"));
    private static final Optional<EmbeddedPostgres> EMBEDDED =
        NAMED.isPresent() ? Optional.empty() : Optional.of(start());

    private static DataSource at(Optional<String> database) {
      var source = new PGSimpleDataSource();
      source.setURL(
          NAMED.orElseGet(() -> EMBEDDED.orElseThrow().getJdbcUrl("postgres", "postgres")));
      database.ifPresent(source::setDatabaseName);
      return source;
    }

    private static EmbeddedPostgres start() {
      try {
        return EmbeddedPostgres.builder().setLocaleConfig("locale", "C").start();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
