package com.cape.bench;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;

/** A connection of the benchmark's own. */
final class Sql implements AutoCloseable {
  private final Connection connection;

  Sql(String url) throws SQLException {
    this.connection = DriverManager.getConnection(jdbc(url));
  }

  static String jdbc(String url) {
    return url.replaceFirst("^postgresql://([^@]*)@(.*)$", "jdbc:postgresql://$2?user=$1");
  }

  /** A new and empty database. */
  static void createDatabase(Settings settings, String name) throws SQLException {
    try (var server = new Sql(settings.url("postgres"))) {
      server.execute("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
      server.execute("CREATE DATABASE " + name);
    }
  }

  void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /** Runs it with one number as its parameter. */
  void execute(String sql, int number) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setInt(1, number);
      statement.execute();
    }
  }

  /** The first column, as text. */
  List<String> column(String sql, List<Object> parameters) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < parameters.size(); i++) {
        statement.setObject(i + 1, parameters.get(i));
      }
      List<String> column = new ArrayList<>();
      try (ResultSet rows = statement.executeQuery()) {
        while (rows.next()) {
          column.add(rows.getString(1));
        }
      }
      return column;
    }
  }

  String value(String sql) throws SQLException {
    return column(sql, List.of()).get(0);
  }

  boolean holds(String sql) throws SQLException {
    return value(sql).equals("t");
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
