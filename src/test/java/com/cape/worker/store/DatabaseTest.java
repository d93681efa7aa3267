package com.cape.worker.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.testing.TestDatabase;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.postgresql.ds.PGSimpleDataSource;

@Tag("database")
@Timeout(30)
class DatabaseTest {
  private static final Duration LIMIT = Duration.ofSeconds(1);

  private final TestDatabase server = TestDatabase.create();

  @Test
  void openingConnectsToNothing() {
    Database.open(url("localhost:1", "u", "db"), "test", 1, LIMIT).close();
  }

  @Test
  void refusedConnectionIsNamedByHostAndPort() {
    StoreException failure = failure(url("localhost:1", "u", "db"));
    assertEquals(StoreException.Kind.UNAVAILABLE, failure.kind());
    assertEquals("localhost:1 refused the connection (SQLSTATE 08001)", failure.getMessage());
  }

  @Test
  void unknownHostIsUnreachable() {
    StoreException failure = failure(url("nowhere.invalid", "u", "db"));
    assertEquals(StoreException.Kind.UNAVAILABLE, failure.kind());
    assertTrue(failure.getMessage().contains("nowhere.invalid"), failure.getMessage());
  }

  @Test
  void serverThatNeverAnswersIsUnreachableWithinTheLimit() throws Exception {
    try (var silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      StoreException failure = failure(url("localhost:" + silent.getLocalPort(), "u", "db"));
      assertEquals(StoreException.Kind.UNAVAILABLE, failure.kind());
      assertTrue(
          failure.getMessage().contains("localhost:" + silent.getLocalPort()),
          failure.getMessage());
    }
  }

  @Test
  void refusalsOfTheServerHaveTheirKinds() {
    server.execute("DROP ROLE IF EXISTS cape_plain; CREATE ROLE cape_plain LOGIN");
    server.execute("CREATE TABLE theirs (id int)");
    assertEquals(
        StoreException.Kind.CREDENTIALS, failure(url(host(), "no_such_role", name())).kind());
    assertEquals(
        StoreException.Kind.UNKNOWN_DATABASE,
        failure(url(host(), user(), "no_such_database")).kind());
    try (var plain = Database.open(url(host(), "cape_plain", name()), "test", 1, LIMIT)) {
      assertEquals(StoreException.Kind.FORBIDDEN, failure(plain, "SELECT 1 FROM theirs").kind());
      assertEquals(StoreException.Kind.SCHEMA, failure(plain, "SELECT 1 FROM missing").kind());
      assertEquals(StoreException.Kind.SCHEMA, failure(plain, "SELECT missing").kind());
      assertEquals(StoreException.Kind.REFUSED, failure(plain, "SELECT 1 / 0").kind());
    }
  }

  @Test
  void noPasswordInWhatIsThrown() {
    DatabaseUrl url = DatabaseUrl.parse("postgresql://u:secret@localhost:1/db?connect_timeout=1");
    var trace = new StringWriter();
    failure(url).printStackTrace(new PrintWriter(trace));
    assertFalse(trace.toString().contains("secret"));
  }

  @Test
  void statementThatWaitsForALockIsCancelledOnTheServer() throws Exception {
    server.execute("CREATE TABLE busy (id int)");
    try (var database = open(1);
        Connection other = server.dataSource().getConnection()) {
      other.setAutoCommit(false);
      other.createStatement().execute("LOCK TABLE busy");
      StoreException failure = failure(database, "SELECT 1 FROM busy");
      assertEquals("57014", failure.sqlState());
      assertEquals(StoreException.Kind.BUSY, failure.kind());
      assertEquals("0", server.value("SELECT count(*) FROM pg_locks WHERE NOT granted"));
      other.rollback();
      assertEquals(Optional.empty(), value(database, "SELECT id FROM busy"));
    }
  }

  @Test
  void serializationFailureIsTriedAgainAndNoOutage() throws Exception {
    server.execute(
        "CREATE TABLE counted (n int); INSERT INTO counted VALUES (0);"
            + "ALTER DATABASE "
            + name()
            + " SET default_transaction_isolation = 'serializable'");
    var threads = Executors.newFixedThreadPool(4);
    try (var database = open(4)) {
      List<Future<Integer>> kinds = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        kinds.add(
            threads.submit(
                () -> {
                  int written = 0;
                  for (int round = 0; round < 25; round++) {
                    try {
                      value(database, "UPDATE counted SET n = n + 1 RETURNING n");
                      written++;
                    } catch (StoreException e) {
                      assertEquals(StoreException.Kind.BUSY, e.kind());
                    }
                  }
                  return written;
                }));
      }
      int written = 0;
      for (Future<Integer> one : kinds) {
        written += one.get(30, TimeUnit.SECONDS);
      }
      assertEquals(String.valueOf(written), server.value("SELECT n FROM counted"));
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void whatATriggerRaisesIsNeverAnOutage() {
    server.execute(
        """
        CREATE TABLE guarded (id int);
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE 'no' USING ERRCODE = '08006'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON guarded FOR EACH ROW EXECUTE FUNCTION refuse()
        """);
    try (var database = open(1)) {
      StoreException failure = failure(database, "INSERT INTO guarded VALUES (1) RETURNING id");
      assertEquals(StoreException.Kind.REFUSED, failure.kind());
    }
  }

  @Test
  void brokenConnectionIsReplaced() {
    try (var database = open(1)) {
      String first = value(database, "SELECT pg_backend_pid()").orElseThrow();
      server.value("SELECT pg_terminate_backend(" + first + ", 5000)");
      try {
        value(database, "SELECT 1");
      } catch (StoreException e) {
        assertEquals(StoreException.Kind.UNAVAILABLE, e.kind());
      }
      assertFalse(value(database, "SELECT pg_backend_pid()").orElseThrow().equals(first));
    }
  }

  @Test
  void poolIsBoundedAndNamed() throws Exception {
    var threads = Executors.newFixedThreadPool(6);
    try (var database = open(2)) {
      var begun = new CountDownLatch(6);
      List<Future<Optional<String>>> names = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        names.add(
            threads.submit(
                () -> {
                  begun.countDown();
                  return value(
                      database, "SELECT current_setting('application_name') FROM pg_sleep(0.05)");
                }));
      }
      assertTrue(begun.await(5, TimeUnit.SECONDS));
      for (Future<Optional<String>> name : names) {
        assertEquals(Optional.of("cape test"), name.get());
      }
      assertTrue(
          Integer.parseInt(
                  server.value(
                      "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cape test'"))
              <= 2);
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void ofSeveralHostsTheOneThatWritesIsFound() {
    DatabaseUrl url = url("localhost:1," + host(), user(), name());
    try (var database = Database.open(url, "test", 1, LIMIT)) {
      assertEquals(Optional.of("1"), value(database, "SELECT 1"));
    }
  }

  @Test
  void textWithANulIsWritten() {
    try (var database = open(1)) {
      assertEquals(
          Optional.of("a b"),
          database.queryOne("SELECT ?", bind -> bind.text("a\0b"), row -> row.getString(1)));
    }
  }

  private Database open(int connections) {
    return Database.open(url(host(), user(), name()), "cape test", connections, LIMIT);
  }

  private static DatabaseUrl url(String host, String user, String database) {
    return DatabaseUrl.parse(
        "postgresql://%s@%s/%s?connect_timeout=1".formatted(user, host, database));
  }

  private PGSimpleDataSource source() {
    return (PGSimpleDataSource) server.dataSource();
  }

  private String host() {
    return source().getServerNames()[0] + ":" + source().getPortNumbers()[0];
  }

  private String user() {
    return source().getUser();
  }

  private String name() {
    return source().getDatabaseName();
  }

  private static Optional<String> value(Database database, String sql) {
    return database.queryOne(sql, bind -> {}, row -> row.getString(1));
  }

  private static StoreException failure(DatabaseUrl url) {
    try (var database = Database.open(url, "test", 1, LIMIT)) {
      return failure(database, "SELECT 1");
    }
  }

  private static StoreException failure(Database database, String sql) {
    return assertThrows(StoreException.class, () -> value(database, sql));
  }
}
