package com.cape.worker.store;

import static java.util.Objects.requireNonNull;

import com.cape.worker.config.DatabaseUrl;
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.SQLExceptionOverride;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import javax.sql.DataSource;
import org.postgresql.PGStatement;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * Runs statements, each in a transaction of its own. Safe for use by several threads.
 *
 * <p>The driver sends the JVM's time zone as the session's; {@code Main} sets it to UTC first,
 * which works through every pooler, unlike a start-up option or a SET. The pool logs each failed
 * try under {@code com.zaxxer.hikari}.
 */
public final class Database implements AutoCloseable {
  private static final String READ_ONLY = "25006";
  // Another host may be the primary by now.
  private static final SQLExceptionOverride READ_ONLY_IS_LEFT =
      new SQLExceptionOverride() {
        @java.lang.Override
        public SQLExceptionOverride.Override adjudicate(SQLException thrown) {
          return READ_ONLY.equals(thrown.getSQLState())
              ? SQLExceptionOverride.Override.MUST_EVICT
              : SQLExceptionOverride.Override.CONTINUE_EVICT;
        }
      };
  // A serialization failure, a deadlock, a plan that is gone or no longer fits.
  private static final Set<String> TRIED_AGAIN = Set.of("40001", "40P01", "26000", "0A000");
  private static final int MOST_TRIES = 5;
  private static final int CONNECT_SECONDS = 5;
  // For all hosts together, where a person waits.
  private static final int LONGEST_LOGIN_SECONDS = 8;
  // How long the driver skips a host that was a standby: it may be the next primary.
  private static final int HOST_RECHECK_SECONDS = 1;
  // The socket waits longer than the server, in case that cannot cancel any more.
  private static final int SOCKET_RESERVE_SECONDS = 2;
  private static final Duration KEEPALIVE = Duration.ofMinutes(2);
  private static final Duration LIFETIME = Duration.ofMinutes(30);
  // The pool tests a connection that was unused for longer. Polls and heartbeats are less far
  // apart, else each would cost another query.
  private static final Duration TRUSTED = Duration.ofSeconds(40);

  static {
    System.setProperty("com.zaxxer.hikari.aliveBypassWindowMs", Long.toString(TRUSTED.toMillis()));
  }

  private final DataSource dataSource;
  private final String server;
  private final int statementSeconds;
  private final Runnable closing;
  private volatile boolean keepsPlans;

  /** Uses the data source and leaves it open. */
  public Database(DataSource dataSource) {
    this(dataSource, "the database", Duration.ZERO, () -> {});
  }

  private Database(
      DataSource dataSource, String server, Duration statementLimit, Runnable closing) {
    this.dataSource = requireNonNull(dataSource);
    this.server = server;
    this.statementSeconds = Math.toIntExact(statementLimit.toSeconds());
    this.closing = closing;
  }

  /**
   * A pool that opens its connections when they are asked for.
   *
   * @param statementLimit after which a statement is cancelled
   */
  public static Database open(
      DatabaseUrl url, String applicationName, int connections, Duration statementLimit) {
    PGSimpleDataSource driver = driver(url, applicationName, statementLimit);
    var config = new HikariConfig();
    config.setDataSource(driver);
    config.setPoolName(applicationName);
    config.setMaximumPoolSize(connections);
    config.setMinimumIdle(0);
    // A little longer than the driver tries, so that the error has its reason.
    config.setConnectionTimeout(Duration.ofSeconds(driver.getLoginTimeout() + 1L).toMillis());
    config.setValidationTimeout(Duration.ofSeconds(CONNECT_SECONDS).toMillis());
    config.setKeepaliveTime(KEEPALIVE.toMillis());
    config.setMaxLifetime(LIFETIME.toMillis());
    config.setInitializationFailTimeout(-1);
    config.setExceptionOverride(READ_ONLY_IS_LEFT);
    var pool = new HikariDataSource(config);
    return new Database(pool, url.hosts(), statementLimit, pool::close);
  }

  /** A new connection each time. */
  public static Database unpooled(
      DatabaseUrl url, String applicationName, Duration statementLimit) {
    return new Database(
        driver(url, applicationName, statementLimit), url.hosts(), statementLimit, () -> {});
  }

  /** A connection outside of the pool, which delivers notifications at once. */
  static Connection connect(DatabaseUrl url, String applicationName, Duration statementLimit)
      throws SQLException {
    PGSimpleDataSource source = driver(url, applicationName, statementLimit);
    if (!url.sets("socketFactory")) {
      source.setSocketFactory(PromptSockets.class.getName());
    }
    return source.getConnection();
  }

  /**
   * One connection, for a command that a person waits for: it gives up sooner than a pool and
   * starts faster. For one thread.
   */
  public static Database single(DatabaseUrl url, String applicationName, Duration statementLimit) {
    var source = new OneConnection();
    configure(source, url, applicationName, statementLimit);
    source.setLoginTimeout(Math.min(source.getLoginTimeout(), LONGEST_LOGIN_SECONDS));
    return new Database(source, url.hosts(), statementLimit, source::close);
  }

  private static PGSimpleDataSource driver(
      DatabaseUrl url, String applicationName, Duration statementLimit) {
    var source = new PGSimpleDataSource();
    configure(source, url, applicationName, statementLimit);
    return source;
  }

  private static void configure(
      PGSimpleDataSource source, DatabaseUrl url, String applicationName, Duration statementLimit) {
    source.setURL(url.jdbcUrl());
    url.user().ifPresent(source::setUser);
    url.password().ifPresent(source::setPassword);
    if (!url.sets("ApplicationName")) {
      source.setApplicationName(applicationName);
    }
    int hosts = source.getServerNames().length;
    if (hosts > 1 && !url.sets("targetServerType")) {
      // A worker writes; the first host may be a standby.
      source.setTargetServerType("primary");
    }
    if (!url.sets("hostRecheckSeconds")) {
      source.setHostRecheckSeconds(HOST_RECHECK_SECONDS);
    }
    // A pooler in transaction mode gives each transaction another session.
    source.setPrepareThreshold(0);
    if (!url.sets("connectTimeout") || source.getConnectTimeout() == 0) {
      source.setConnectTimeout(CONNECT_SECONDS);
    }
    source.setLoginTimeout(hosts * source.getConnectTimeout());
    source.setSocketTimeout(Math.toIntExact(statementLimit.toSeconds()) + SOCKET_RESERVE_SECONDS);
    source.setCancelSignalTimeout(SOCKET_RESERVE_SECONDS);
    source.setTcpKeepAlive(true);
  }

  private static final String LOCK = "SELECT pg_try_advisory_xact_lock(%d) AS locked";

  /** False rolls the statements back. */
  public interface Transaction {
    boolean run(Statement statement) throws SQLException;
  }

  /** False when it was rolled back, or another session runs something under that number. */
  public boolean exclusively(long number, Transaction work) {
    try (Connection connection = dataSource.getConnection()) {
      connection.setAutoCommit(false);
      try (Statement statement = connection.createStatement()) {
        statement.setQueryTimeout(statementSeconds);
        // The lock of a transaction, unlike a session's, holds through a pooler.
        boolean done = holds(statement, LOCK.formatted(number)) && work.run(statement);
        if (done) {
          connection.commit();
        }
        // Closing the connection ends the transaction, and the lock with it.
        return done;
      }
    } catch (SQLException e) {
      throw explained(e);
    }
  }

  /** The boolean in the first column of the only row. */
  public static boolean holds(Statement statement, String sql) throws SQLException {
    try (ResultSet row = statement.executeQuery(sql)) {
      return row.next() && row.getBoolean(1);
    }
  }

  public DataSource dataSource() {
    return dataSource;
  }

  private StoreException explained(SQLException thrown) {
    return StoreException.of(thrown, server);
  }

  @Override
  public void close() {
    closing.run();
  }

  /** The only row of the answer, or none. */
  public <T> Optional<T> queryOne(String sql, Binder binder, Mapper<T> mapper) {
    List<T> rows = query(sql, binder, mapper);
    if (rows.size() > 1) {
      throw new IllegalStateException(rows.size() + " rows where one was asked for");
    }
    return rows.stream().findFirst();
  }

  public <T> List<T> query(String sql, Binder binder, Mapper<T> mapper) {
    return queryAll(sql, binder, answers -> answers.next(mapper));
  }

  /** The same for texts of others, which the server may be unable to convert to UTF-8. */
  public <T> List<T> read(String sql, Binder binder, Mapper<T> mapper) {
    try {
      return query(sql, binder, mapper);
    } catch (StoreException e) {
      if (!e.ofCharacters()) {
        throw e;
      }
      return query(rawTexts(sql), binder, mapper);
    }
  }

  private String rawTexts(String sql) {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      return RawTexts.sql(statement, sql);
    } catch (SQLException e) {
      throw explained(e);
    }
  }

  /** Several statements, with semicolons between, in one round trip and one transaction. */
  public <T> T queryAll(String sql, Binder binder, Reader<T> reader) {
    for (int tries = 1; ; tries++) {
      try {
        return executeOnce(sql, binder, reader);
      } catch (StoreException e) {
        if (!TRIED_AGAIN.contains(e.sqlState()) || tries == MOST_TRIES) {
          throw e;
        }
      }
    }
  }

  public interface Reader<T> {
    T read(Answers answers) throws SQLException;
  }

  public static final class Answers {
    private final PreparedStatement statement;
    private boolean begun;

    private Answers(PreparedStatement statement) {
      this.statement = statement;
    }

    /** All rows of the next one. */
    public <T> List<T> next(Mapper<T> mapper) throws SQLException {
      if (begun) {
        statement.getMoreResults();
      }
      begun = true;
      try (ResultSet rows = statement.getResultSet()) {
        List<T> mapped = new ArrayList<>();
        while (rows.next()) {
          mapped.add(mapper.map(rows));
        }
        return mapped;
      }
    }
  }

  /**
   * Whether the server keeps the plan of each statement in its session: to plan a claim takes
   * longer than to run it. Not behind a pooler in transaction mode, which changes the session.
   */
  public void keepPlans(boolean keep) {
    keepsPlans = keep;
  }

  private <T> T executeOnce(String sql, Binder binder, Reader<T> reader) {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setQueryTimeout(statementSeconds);
      if (keepsPlans) {
        statement.unwrap(PGStatement.class).setPrepareThreshold(1);
      }
      binder.bind(new Binding(statement));
      statement.execute();
      return reader.read(new Answers(statement));
    } catch (SQLException e) {
      throw explained(e);
    }
  }

  public interface Binder {
    void bind(Binding binding) throws SQLException;
  }

  public interface Mapper<T> {
    T map(ResultSet row) throws SQLException;
  }

  /** A statement's parameters in the order of their question marks. */
  public static final class Binding {
    private final PreparedStatement statement;
    private int next = 1;

    private Binding(PreparedStatement statement) {
      this.statement = statement;
    }

    public Binding text(String value) throws SQLException {
      return text(Optional.of(value));
    }

    public Binding text(Optional<String> value) throws SQLException {
      statement.setString(next++, value.map(Binding::withoutNul).orElse(null));
      return this;
    }

    public Binding number(long value) throws SQLException {
      statement.setLong(next++, value);
      return this;
    }

    public Binding number(Optional<Integer> value) throws SQLException {
      statement.setObject(next++, value.orElse(null), Types.INTEGER);
      return this;
    }

    public Binding flag(boolean value) throws SQLException {
      statement.setBoolean(next++, value);
      return this;
    }

    public Binding uuid(UUID value) throws SQLException {
      statement.setObject(next++, value);
      return this;
    }

    public Binding uuids(List<UUID> values) throws SQLException {
      return array("uuid", values);
    }

    public Binding texts(List<String> values) throws SQLException {
      return array("text", values.stream().map(Binding::withoutNul).toList());
    }

    public Binding numbers(List<Long> values) throws SQLException {
      return array("bigint", values);
    }

    private Binding array(String type, List<?> values) throws SQLException {
      statement.setArray(next++, statement.getConnection().createArrayOf(type, values.toArray()));
      return this;
    }

    // PostgreSQL has no text with a NUL in it.
    private static String withoutNul(String text) {
      return text.replace('\0', ' ');
    }

    public Binding seconds(List<Duration> values) throws SQLException {
      return array("float8", values.stream().map(wait -> wait.toMillis() / 1000.0).toList());
    }

    public Binding seconds(Duration value) throws SQLException {
      return seconds(Optional.of(value));
    }

    public Binding seconds(Optional<Duration> value) throws SQLException {
      statement.setObject(
          next++, value.map(wait -> wait.toMillis() / 1000.0).orElse(null), Types.DOUBLE);
      return this;
    }
  }
}
