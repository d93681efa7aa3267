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
 * Runs single statements, each in a transaction of its own. Safe for use by several threads.
 *
 * <p>The driver sends the JVM's default time zone as the session's; {@code Main} sets it to UTC
 * before anything else, which works through every pooler, unlike a start-up option or a SET. The
 * pool tells of each failed try under the logger {@code com.zaxxer.hikari}; callers log an outage
 * themselves.
 */
public final class Database implements AutoCloseable {
  private static final String PRIMARY = "primary";
  private static final String READ_ONLY = "25006";
  // Another of the hosts may be the primary by now.
  private static final SQLExceptionOverride READ_ONLY_IS_LEFT =
      new SQLExceptionOverride() {
        @java.lang.Override
        public SQLExceptionOverride.Override adjudicate(SQLException thrown) {
          return READ_ONLY.equals(thrown.getSQLState())
              ? SQLExceptionOverride.Override.MUST_EVICT
              : SQLExceptionOverride.Override.CONTINUE_EVICT;
        }
      };
  // A serialization failure, a deadlock, a plan that is gone or does not fit any more: to be tried
  // again.
  private static final Set<String> TAKEN_BACK = Set.of("40001", "40P01", "26000", "0A000");
  private static final int MOST_TRIES = 5;
  private static final int CONNECT_SECONDS = 5;
  // Of all hosts together, where a person waits.
  private static final int LONGEST_LOGIN_SECONDS = 8;
  // For how long the driver passes over a host that was a standby: it may be the next primary.
  private static final int HOST_RECHECK_SECONDS = 1;
  // How much longer than the server the socket waits: for a server that can no more cancel.
  private static final int SOCKET_RESERVE_SECONDS = 2;
  private static final Duration KEEPALIVE = Duration.ofMinutes(2);
  private static final Duration LIFETIME = Duration.ofMinutes(30);
  // The pool asks before it lends a connection that was not used for so long: longer than from one
  // poll or heartbeat to the next, else each would cost a query more. One that died meanwhile fails
  // once, which callers are used to.
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
   * @param applicationName what {@code pg_stat_activity} shows, unless the URL names another
   * @param connections at most so many
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
    // A little longer than the driver tries, so that its reason is known by then.
    config.setConnectionTimeout(Duration.ofSeconds(driver.getLoginTimeout() + 1L).toMillis());
    config.setValidationTimeout(Duration.ofSeconds(CONNECT_SECONDS).toMillis());
    config.setKeepaliveTime(KEEPALIVE.toMillis());
    config.setMaxLifetime(LIFETIME.toMillis());
    config.setInitializationFailTimeout(-1);
    config.setExceptionOverride(READ_ONLY_IS_LEFT);
    var pool = new HikariDataSource(config);
    return new Database(pool, url.hosts(), statementLimit, pool::close);
  }

  /** Single connections, for what runs for long and seldom. */
  public static Database unpooled(
      DatabaseUrl url, String applicationName, Duration statementLimit) {
    return new Database(
        driver(url, applicationName, statementLimit), url.hosts(), statementLimit, () -> {});
  }

  /**
   * A connection of one's own, which no pool watches, and which passes notifications on at once.
   */
  static Connection connect(DatabaseUrl url, String applicationName, Duration statementLimit)
      throws SQLException {
    PGSimpleDataSource source = driver(url, applicationName, statementLimit);
    if (!url.sets("socketFactory")) {
      source.setSocketFactory(PromptSockets.class.getName());
    }
    return source.getConnection();
  }

  /**
   * One connection, for a command that a person waits for: it gives up sooner than a pool, and
   * takes no time to start. For one thread.
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
      source.setTargetServerType(PRIMARY);
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

  private static final String LOCK = "SELECT pg_try_advisory_xact_lock(?)";

  /** Statements that belong together; an answer of false takes them all back. */
  public interface Transaction {
    boolean run(Statement statement) throws SQLException;
  }

  /**
   * Runs it while nobody else runs anything under that number. False when somebody does, or when it
   * was taken back: to be tried again later, which holds no connection meanwhile.
   */
  public boolean exclusively(long number, Transaction work) {
    try (Connection connection = dataSource.getConnection()) {
      // The lock of a transaction, unlike a session's, holds through a pooler.
      connection.setAutoCommit(false);
      boolean done = locked(connection, number) && done(connection, work);
      if (done) {
        connection.commit();
      }
      // Closing the connection ends the transaction, and the lock with it.
      return done;
    } catch (SQLException e) {
      throw explained(e);
    }
  }

  private static boolean locked(Connection connection, long number) throws SQLException {
    try (PreparedStatement lock = connection.prepareStatement(LOCK)) {
      lock.setLong(1, number);
      try (ResultSet row = lock.executeQuery()) {
        return row.next() && row.getBoolean(1);
      }
    }
  }

  private boolean done(Connection connection, Transaction work) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(statementSeconds);
      return work.run(statement);
    }
  }

  public DataSource dataSource() {
    return dataSource;
  }

  /** What the driver threw, as callers get it. */
  public StoreException explained(SQLException thrown) {
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
    return execute(sql, binder, statement -> rows(statement, mapper));
  }

  /** The same for rows with texts of others, which the server may be unable to convert to UTF-8. */
  public <T> List<T> read(String sql, Binder binder, Mapper<T> mapper) {
    try {
      return query(sql, binder, mapper);
    } catch (StoreException e) {
      if (!RawTexts.needed(e)) {
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
    return execute(sql, binder, statement -> reader.read(new Answers(statement)));
  }

  /** Reads the answers of several statements. */
  public interface Reader<T> {
    T read(Answers answers) throws SQLException;
  }

  /** The answers in the order of the statements. */
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
      return rows(statement, mapper);
    }
  }

  private static <T> List<T> rows(PreparedStatement statement, Mapper<T> mapper)
      throws SQLException {
    try (ResultSet rows = statement.getResultSet()) {
      List<T> mapped = new ArrayList<>();
      while (rows.next()) {
        mapped.add(mapper.map(rows));
      }
      return mapped;
    }
  }

  /**
   * Whether the server keeps the plan of each statement in its session. To plan a claim takes
   * longer than to run it, but a pooler in transaction mode gives each transaction another session.
   */
  public void keepPlans(boolean keep) {
    keepsPlans = keep;
  }

  private <T> T execute(String sql, Binder binder, Answer<T> answer) {
    for (int tries = 1; ; tries++) {
      try {
        return executeOnce(sql, binder, answer);
      } catch (StoreException e) {
        if (!TAKEN_BACK.contains(e.sqlState()) || tries == MOST_TRIES) {
          throw e;
        }
      }
    }
  }

  private <T> T executeOnce(String sql, Binder binder, Answer<T> answer) {
    try (Connection connection = dataSource.getConnection();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      // The driver asks the server to cancel it then, which costs nothing until it happens.
      statement.setQueryTimeout(statementSeconds);
      if (keepsPlans) {
        statement.unwrap(PGStatement.class).setPrepareThreshold(1);
      }
      binder.bind(new Binding(statement));
      statement.execute();
      return answer.read(statement);
    } catch (SQLException e) {
      throw explained(e);
    }
  }

  private interface Answer<T> {
    T read(PreparedStatement statement) throws SQLException;
  }

  /** Sets a statement's parameters. */
  public interface Binder {
    void bind(Binding binding) throws SQLException;
  }

  /** Reads one row. */
  public interface Mapper<T> {
    T map(ResultSet row) throws SQLException;
  }

  /** A statement's parameters in the order of their question marks. */
  public static final class Binding {
    private static final char REPLACEMENT = ' ';

    private final PreparedStatement statement;
    private int next = 1;

    private Binding(PreparedStatement statement) {
      this.statement = statement;
    }

    public Binding text(String value) throws SQLException {
      return text(Optional.of(value));
    }

    public Binding text(Optional<String> value) throws SQLException {
      // PostgreSQL has no text with a NUL in it.
      statement.setString(next++, value.map(text -> text.replace('\0', REPLACEMENT)).orElse(null));
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
      statement.setArray(next++, statement.getConnection().createArrayOf("uuid", values.toArray()));
      return this;
    }

    public Binding texts(List<String> values) throws SQLException {
      Object[] texts = values.stream().map(text -> text.replace('\0', REPLACEMENT)).toArray();
      statement.setArray(next++, statement.getConnection().createArrayOf("text", texts));
      return this;
    }

    public Binding numbers(List<Long> values) throws SQLException {
      statement.setArray(
          next++, statement.getConnection().createArrayOf("bigint", values.toArray()));
      return this;
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
