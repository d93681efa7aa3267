package com.cape.worker.week;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;

/** A database of a peer's own on the week's server. */
final class WeekDatabase {
  private final EmbeddedPostgres server;
  private final String name;

  private WeekDatabase(EmbeddedPostgres server, String name) {
    this.server = server;
    this.name = name;
  }

  static WeekDatabase create(EmbeddedPostgres server, String name) throws SQLException {
    new WeekDatabase(server, "postgres").execute("CREATE DATABASE " + name);
    return new WeekDatabase(server, name);
  }

  /** As libpq and the worker write it. */
  String url() {
    return "postgresql://postgres:postgres@127.0.0.1:%d/%s".formatted(server.getPort(), name);
  }

  String jdbcUrl() {
    return server.getJdbcUrl("postgres", name);
  }

  void execute(String sql) throws SQLException {
    try (Connection connection = connect();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** The rows of two columns, a number and a text. */
  Map<Integer, String> texts(String sql) throws SQLException {
    try (Connection connection = connect();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      Map<Integer, String> texts = new HashMap<>();
      while (rows.next()) {
        texts.put(rows.getInt(1), rows.getString(2));
      }
      return texts;
    }
  }

  private Connection connect() throws SQLException {
    return server.getDatabase("postgres", name).getConnection();
  }
}
