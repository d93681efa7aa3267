package com.cape.worker.testing;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.store.schema.Migrator;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.postgresql.ds.PGSimpleDataSource;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.postgresql.PostgreSQLContainer;

/**
 * A database on a real PostgreSQL: one server for each JVM of tests, a database for each test. The
 * server is the one named by CAPE_TEST_DATABASE_URL, else a container where Docker answers, else
 * embedded. With {@code -Dcape.test.pgbouncer=PROGRAM} what is handed out leads through a PgBouncer
 * in transaction mode; {@link #execute} and {@link #value}, the tests' own hands, never do.
 */
public final class TestDatabase {
  private static final AtomicInteger COUNT = new AtomicInteger();

  private final PGSimpleDataSource direct;
  private final PGSimpleDataSource dataSource;

  private TestDatabase(PGSimpleDataSource direct, PGSimpleDataSource dataSource) {
    this.direct = direct;
    this.dataSource = dataSource;
  }

  /** A new database on the server that CAPE_TEST_DATABASE_URL names, else on an embedded one. */
  public static TestDatabase create() {
    return create("");
  }

  /** A new database with the newest schema, copied from one that was migrated once. */
  public static TestDatabase createMigrated() {
    return create(" TEMPLATE " + Template.NAME);
  }

  /** A new one in which every character is a byte: there are 256 of them. */
  public static TestDatabase createLatin1() {
    return createWithEncoding("LATIN1");
  }

  /** A new one whose texts are of that encoding. */
  public static TestDatabase createWithEncoding(String encoding) {
    return create(
        " TEMPLATE template0 ENCODING '%s' LC_COLLATE 'C' LC_CTYPE 'C'".formatted(encoding));
  }

  private static TestDatabase create(String options) {
    String name = createNamed(options);
    return PgBouncer.named().isPresent()
        ? direct(Optional.of(name)).throughPgBouncer()
        : direct(Optional.of(name));
  }

  private static String createNamed(String options) {
    String name = "cape_test_" + ProcessHandle.current().pid() + "_" + COUNT.incrementAndGet();
    var server = direct(Optional.empty());
    server.execute("CREATE DATABASE " + name + options);
    // A server that this JVM started ends with it, and all its databases with the server.
    if (Server.NAMED.isPresent()) {
      Runtime.getRuntime()
          .addShutdownHook(
              new Thread(
                  () -> server.execute("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)")));
    }
    return name;
  }

  private static TestDatabase direct(Optional<String> name) {
    return new TestDatabase(Server.at(name), Server.at(name));
  }

  /** The same database, reached through PgBouncer whatever the tests were told. */
  public TestDatabase throughPgBouncer() {
    return new TestDatabase(direct, Pooled.at(direct.getDatabaseName()));
  }

  /** The same database, reached without PgBouncer. */
  public TestDatabase direct() {
    return new TestDatabase(direct, direct);
  }

  /** As a user would write it: {@code postgresql://user:password@host:port/name}. */
  public String url() {
    String password = dataSource.getPassword() == null ? "" : ":" + dataSource.getPassword();
    return "postgresql://%s%s@%s:%d/%s"
        .formatted(
            dataSource.getUser(),
            password,
            dataSource.getServerNames()[0],
            dataSource.getPortNumbers()[0],
            dataSource.getDatabaseName());
  }

  public DataSource dataSource() {
    return dataSource;
  }

  public void execute(String sql) {
    try (Connection connection = direct.getConnection();
        Statement statement = connection.createStatement()) {
      statement.execute(sql);
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  /** The first column of the first row, as text. */
  public String value(String sql) {
    try (Connection connection = direct.getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      rows.next();
      return String.valueOf(rows.getString(1));
    } catch (SQLException e) {
      throw new IllegalStateException(sql, e);
    }
  }

  /** One PgBouncer for a run, started when it is first asked for. */
  private static final class Pooled {
    private static final int PORT =
        PgBouncer.start(PgBouncer.program().orElseThrow(), Server.at(Optional.empty()));

    private static PGSimpleDataSource at(String database) {
      PGSimpleDataSource source = Server.at(Optional.of(database));
      source.setServerNames(new String[] {"127.0.0.1"});
      source.setPortNumbers(new int[] {PORT});
      source.setPrepareThreshold(0);
      return source;
    }
  }

  /** Nobody may be connected to it while it is copied. */
  private static final class Template {
    private static final String NAME = createNamed("");

    static {
      new Migrator(Server.at(Optional.of(NAME))).migrate();
    }
  }

  private static final class Server {
    private static final String PASSWORD = "postgres";
    private static final Optional<String> NAMED =
        Optional.ofNullable(System.getenv("CAPE_TEST_DATABASE_URL"));
    private static final String URL = url();

    private static PGSimpleDataSource at(Optional<String> database) {
      var source = new PGSimpleDataSource();
      source.setURL(URL);
      database.ifPresent(source::setDatabaseName);
      return source;
    }

    private static String url() {
      if (NAMED.isPresent()) {
        DatabaseUrl url = DatabaseUrl.parse(NAMED.get());
        var source = new PGSimpleDataSource();
        source.setURL(url.jdbcUrl());
        url.user().ifPresent(source::setUser);
        url.password().ifPresent(source::setPassword);
        return source.getURL();
      }
      return dockerAnswers() ? container() : embedded();
    }

    // Asking Testcontainers where there is no engine logs an error for each way that it tried.
    private static boolean dockerAnswers() {
      boolean hint =
          System.getenv("DOCKER_HOST") != null || Files.exists(Path.of("/var/run/docker.sock"));
      return hint && DockerClientFactory.instance().isDockerAvailable();
    }

    private static String container() {
      String major = System.getProperty("cape.test.postgres", "15").replaceAll("\\..*", "");
      var container = new PostgreSQLContainer("postgres:" + major).withPassword(PASSWORD);
      container.start(); // Testcontainers itself removes it when this JVM has ended.
      return container.getJdbcUrl()
          + "&user=%s&password=%s".formatted(container.getUsername(), PASSWORD);
    }

    private static String embedded() {
      try {
        return EmbeddedPostgres.builder()
                .setLocaleConfig("locale", "C")
                // No test of this server has the machine die.
                .setServerConfig("fsync", "off")
                .setServerConfig("full_page_writes", "off")
                .start()
                .getJdbcUrl("postgres", "postgres")
            + "&password="
            + PASSWORD;
      } catch (IOException | IllegalStateException e) {
        throw new IllegalStateException(
            "cannot start the embedded PostgreSQL; as root it needs user namespaces: run the tests as"
                + " another user, or name a server in CAPE_TEST_DATABASE_URL",
            e);
      }
    }
  }
}
