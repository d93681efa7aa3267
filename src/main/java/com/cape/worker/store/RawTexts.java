package com.cape.worker.store;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.charset.Charset;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.List;
import org.postgresql.core.Encoding;

/**
 * Texts that the server cannot send as UTF-8: a byte 0x81 in WIN1252, a byte above 0x7f in
 * SQL_ASCII. One of them makes the whole statement fail, so their bytes are selected instead.
 */
final class RawTexts {
  private static final String ENCODING = "cape_server_encoding";

  private RawTexts() {}

  /** The same query with bytes for its texts. */
  static String sql(PreparedStatement query, String sql) throws SQLException {
    ResultSetMetaData columns = query.getMetaData();
    List<String> selected = new ArrayList<>(List.of("getdatabaseencoding() AS " + ENCODING));
    for (int i = 1; i <= columns.getColumnCount(); i++) {
      String name = columns.getColumnLabel(i);
      selected.add(
          columns.getColumnType(i) == Types.VARCHAR
              ? "convert_to(%s::text, getdatabaseencoding()) AS %1$s".formatted(name)
              : name);
    }
    return "SELECT %s FROM (%s) AS texts".formatted(String.join(", ", selected), sql);
  }

  static Charset charset(ResultSet row) throws SQLException {
    String encoding = row.getString(ENCODING);
    if (encoding.equals("SQL_ASCII")) {
      return UTF_8;
    }
    String name =
        encoding.startsWith("WIN")
            ? encoding.replace("WIN", "windows-")
            : Encoding.getDatabaseEncoding(encoding).name();
    return Charset.isSupported(name) ? Charset.forName(name) : US_ASCII;
  }
}
