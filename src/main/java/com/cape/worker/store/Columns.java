package com.cape.worker.store;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.charset.Charset;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Optional;

/** Reads columns as the rest of the program has them. */
public final class Columns {
  private Columns() {}

  /** A {@code timestamptz}. */
  public static Instant time(ResultSet row, String column) throws SQLException {
    return row.getObject(column, OffsetDateTime.class).toInstant();
  }

  /** A {@code timestamptz} that may be null. */
  public static Optional<Instant> timeIfAny(ResultSet row, String column) throws SQLException {
    return Optional.ofNullable(row.getObject(column, OffsetDateTime.class))
        .map(OffsetDateTime::toInstant);
  }

  /** A text; empty for null. */
  public static String text(ResultSet row, String column) throws SQLException {
    return textIfAny(row, column).orElse("");
  }

  /**
   * A text that may be null. A byte that is no text, at which the driver's own decoder would fail,
   * becomes a replacement character.
   */
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
