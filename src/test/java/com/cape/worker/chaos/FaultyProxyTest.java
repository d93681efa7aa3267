package com.cape.worker.chaos;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.cape.worker.testing.TestDatabase;
import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class FaultyProxyTest {
  private final TestDatabase database = TestDatabase.create().direct();

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void answerIsLostOnceTheServerHasCommitted(boolean autoCommit) throws Exception {
    database.execute("CREATE TABLE one AS SELECT 0 AS n");
    try (var proxy = new FaultyProxy(port());
        Connection connection = connect(proxy);
        Statement statement = connection.createStatement()) {
      connection.setAutoCommit(autoCommit);
      proxy.loseAnswerTo(Pattern.compile("UPDATE one"));
      statement.executeQuery("SELECT n FROM one").close();
      assertThrows(
          SQLException.class,
          () -> {
            statement.execute("UPDATE one SET n = 1");
            connection.commit();
          });
      assertFalse(proxy.losesAnswer());
    }
    await().until(() -> database.value("SELECT n FROM one"), "1"::equals);
  }

  @Test
  void otherConnectionsAreLeftAlone() throws Exception {
    database.execute("CREATE TABLE one AS SELECT 0 AS n");
    try (var proxy = new FaultyProxy(port());
        Connection lost = connect(proxy);
        Connection other = connect(proxy)) {
      proxy.loseAnswerTo(Pattern.compile("UPDATE one"));
      assertThrows(
          SQLException.class, () -> lost.createStatement().execute("UPDATE one SET n = 1"));
      assertEquals(1, other.createStatement().executeUpdate("UPDATE one SET n = 2"));
    }
  }

  private int port() {
    return URI.create(database.url()).getPort();
  }

  private Connection connect(FaultyProxy proxy) throws SQLException {
    URI url = URI.create(database.url());
    String[] user = url.getUserInfo().split(":", 2);
    return DriverManager.getConnection(
        "jdbc:postgresql://127.0.0.1:%d%s".formatted(proxy.port(), url.getPath()),
        user[0],
        user.length == 2 ? user[1] : "");
  }
}
