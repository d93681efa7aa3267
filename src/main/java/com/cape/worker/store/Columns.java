package com.cape.worker.store;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.charset.Charset;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Optional;

/** Reads columns. */
public final class Columns {
  private Columns() {}

  public static Instant time(ResultSet row, String column) throws SQLException {
    return row.getObject(column, OffsetDateTime.class).toInstant();
  }

  public static Optional<Instant> timeIfAny(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getObject(column, OffsetDateTime.class))
        .map(OffsetDateTime::toInstant);
  }

  /** Empty for null. */
  public static String text(ResultSet row, String column) throws SQLException {
    return textIfAny(row, column).orElse("");
  }

  /** Bytes that are no text, at which the driver would fail, become replacement characters. */
  public static Optional<String> textIfAny(ResultSet row, String column) throws SQLException {
    Optional<byte[]> bytes = Optional.ofNullable(row.getBytes(column));
    boolean raw = row.getMetaData().getColumnType(row.findColumn(column)) == Types.BINARY;
    Charset charset = raw && bytes.isPresent() ? RawTexts.charset(row) : UTF_8;
    return bytes.map(text -> new String(text, charset));
  }

  public static Optional<Integer> numberIfAny(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getObject(column, Integer.class));
  }
}
