package com.cape.worker.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DatabaseUrlTest {
  @Test
  void urlAsHostersPrintItIsTaken() {
    assertEquals(
        new DatabaseUrl(
            "jdbc:postgresql://a.example:6543,[::1]:5432/postgres?sslmode=require",
            Optional.of("u.x"),
            Optional.of("p+w@/%")),
        DatabaseUrl.parse(
            "postgresql://u.x:p+w%40%2F%25@a.example:6543,[::1]:5432/postgres?sslmode=require"));
  }

  @Test
  void jdbcUrlIsLeftAsItIs() {
    String url = "jdbc:postgresql://h/db?user=u";
    assertEquals(url, DatabaseUrl.parse(url).jdbcUrl());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"postgresql://u:secret@h/db", "jdbc:postgresql://h/db?user=u&password=secret"})
  void passwordIsNeverPrinted(String url) {
    assertFalse(DatabaseUrl.parse(url).toString().contains("secret"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "mysql://h/db", "postgresql://u:se/cret@h/db", "host=h password=x"})
  void anythingElseIsRefusedWithoutBeingRepeated(String url) {
    var refusal = assertThrows(IllegalArgumentException.class, () -> DatabaseUrl.parse(url));
    assertFalse(refusal.getMessage().contains("cret"));
  }
}
