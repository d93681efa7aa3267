package com.cape.worker.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
  void jdbcUrlGivesUpItsUserAndPassword() {
    assertEquals(
        new DatabaseUrl(
            "jdbc:postgresql://h:5432/db?ssl=true", Optional.of("u v"), Optional.of("p@w")),
        DatabaseUrl.parse("jdbc:postgresql://h/db?user=u+v&ssl=true&password=p%40w"));
  }

  @ParameterizedTest
  @CsvSource({
    "postgresql://u@h:/,                     h:5432/u",
    "postgresql://u@h,                       h:5432/u",
    "postgresql:///db,                       localhost:5432/db",
    "postgres://:7000/db,                    localhost:7000/db",
    "postgresql://[fe80::1]/db,              [fe80::1]:5432/db",
    "'postgresql://a:1,b,[::1]:3/db',        'a:1,b:5432,[::1]:3/db'",
    "'postgresql:///db?host=a,b&port=1,2',   'a:1,b:2/db'",
    "postgresql://h?dbname=a%2Fb&user=u,     h:5432/a%2Fb",
    "postgresql://h/a+b%20c,                 h:5432/a%2Bb%20c",
    "jdbc:postgresql:db,                     localhost:5432/db",
    "jdbc:postgresql://h/db,                 h:5432/db",
  })
  void hostPortAndDatabaseHaveDefaults(String url, String expected) {
    assertEquals("jdbc:postgresql://" + expected, DatabaseUrl.parse(url).jdbcUrl());
  }

  @ParameterizedTest
  @CsvSource({
    "sslmode=verify-full&sslrootcert=/ca.pem, sslmode=verify-full&sslrootcert=/ca.pem",
    "sslmode=require&sslrootcert=/ca.pem,     sslmode=verify-ca&sslrootcert=/ca.pem",
    "sslrootcert=system, sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory",
    "connect_timeout=7,                       connectTimeout=7",
    "application_name=a+b,                    ApplicationName=a%2Bb",
    "target_session_attrs=read-write,         targetServerType=primary",
    "channel_binding=require,                 channelBinding=require",
    "pgbouncer=true&connection_limit=1&schema=x, pgbouncer=true&connection_limit=1&schema=x",
    "options=-c%20search_path%3Dx,            options=-c%20search_path%3Dx",
  })
  void parametersOfPsqlWork(String given, String expected) {
    assertEquals(
        "jdbc:postgresql://h:5432/db?" + expected,
        DatabaseUrl.parse("postgresql://h/db?" + given).jdbcUrl());
  }

  @ParameterizedTest
  @CsvSource({
    "postgresql://h/db?sslmode=on,               sslmode",
    "postgresql://h/db?target_session_attrs=rw,  target_session_attrs",
    "postgresql://h/db?connect_timeout=soon,     connect_timeout",
    "postgresql://h:99999/db,                    port",
    "postgresql://h:0/db,                        port",
    "postgresql:///db?host=/var/run/postgresql,  socket",
    "postgresql://%2Fvar%2Frun/db,               socket",
  })
  void wrongValueIsNamed(String url, String name) {
    var refusal = assertThrows(IllegalArgumentException.class, () -> DatabaseUrl.parse(url));
    assertTrue(refusal.getMessage().contains(name), refusal.getMessage());
  }

  @Test
  void passwordOfTheEnvironmentIsTheSecondChoice() {
    Optional<String> fallback = Optional.of("other");
    DatabaseUrl without = DatabaseUrl.parse("postgresql://u@h/db");
    assertEquals(fallback, without.withDefaultPassword(fallback).password());
    DatabaseUrl with = DatabaseUrl.parse("jdbc:postgresql://h/db?password=own");
    assertEquals(Optional.of("own"), with.withDefaultPassword(fallback).password());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "postgresql://u:secret@h/db",
        "postgresql://h/db?user=u&password=secret",
        "postgresql://h/db?sslpassword=secret",
        "jdbc:postgresql://h/db?user=u&password=secret",
      })
  void passwordIsNeverPrinted(String url) {
    assertFalse(DatabaseUrl.parse(url).toString().contains("secret"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "mysql://h/db",
        "postgresql://u:se/cret@h/db",
        "postgresql://u:%zcret@h/db",
        "host=h password=x"
      })
  void anythingElseIsRefusedWithoutBeingRepeated(String url) {
    var refusal = assertThrows(IllegalArgumentException.class, () -> DatabaseUrl.parse(url));
    assertFalse(refusal.getMessage().contains("cret"));
  }
}
