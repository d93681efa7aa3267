package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.JarFixture;
import com.cape.worker.testing.WorkerProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.PreparedStatement;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a workflow sees, through the JAR. */
@Tag("database")
@Timeout(120)
class WorkflowIT {
  private static final int LONGEST_ARGUMENT = 100_000;

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"", "C", "C.UTF-8"})
  void descriptionsArriveByteForByte(String lang) throws Exception {
    List<String> descriptions =
        List.of(
            "Grüße 👩‍👩‍👧 \uD83E\uDD84 漢字",
            "'single' \"double\" `back` $(touch hacked) ${HOME} $HOME",
            "a\nb\r\n\tc\n",
            "back\\slash \\n \\",
            "--help",
            "-",
            "x",
            "{id} {description} %s %n * ? ~",
            "é".repeat(49_999) + "x",
            "m".repeat(1_000_000));
    var fixture =
        new JarFixture(
                directory,
                """
                [ "$2" = -- ] && shift
                printf %s "$2" >"arg-$CAPE_ISSUE_ID"
                cp "$CAPE_ISSUE_FILE" "file-$CAPE_ISSUE_ID"
                stat -c %a "$CAPE_ISSUE_FILE" >"mode-$CAPE_ISSUE_ID"
                """)
            .migrated();
    for (String description : descriptions) {
      insert(fixture, description);
    }
    Map<String, String> environment =
        fixture.environment(
            lang.isEmpty()
                ? Map.of("CAPE_WORKER_ID", "bytes")
                : Map.of("CAPE_WORKER_ID", "bytes", "LANG", lang));
    try (var worker = WorkerProcess.start(directory, environment, "--exit-when-idle")) {
      assertEquals(0, worker.exitCode(), worker.output());
    }
    for (int id = 1; id <= descriptions.size(); id++) {
      String description = descriptions.get(id - 1);
      assertEquals(description, fixture.read("file-" + id), "file of issue " + id);
      assertEquals("600", fixture.read("mode-" + id).strip());
      if (description.getBytes(java.nio.charset.StandardCharsets.UTF_8).length
          <= LONGEST_ARGUMENT) {
        assertEquals(description, fixture.read("arg-" + id), "argument of issue " + id);
      } else {
        assertTrue(fixture.read("arg-" + id).contains("CAPE_ISSUE_FILE"));
      }
    }
    assertFalse(Files.exists(directory.resolve("hacked")));
  }

  @Test
  void environmentIsTheWorkersOwnLessItsSecrets() throws Exception {
    var fixture = new JarFixture(directory, "env -0 >seen").migrated();
    Files.writeString(
        directory.resolve(".env"),
        """
        # settings
        CAPE_WORKER_ID=envy
        FROM_FILE="ünï code"
        BOTH=file
        CAPE_HTTP_TOKEN=t0ken
        PGPASSWORD=pgsecret
        SINGLE='a b'
        """);
    fixture.insert("an issue");
    Map<String, String> environment =
        fixture.environment(
            Map.of(
                "BOTH", "environment",
                "KEPT", "yes",
                "NOTIFY_SOCKET", "/run/x",
                "WATCHDOG_USEC", "1",
                "LISTEN_FDS", "1",
                "INVOCATION_ID", "i",
                "CAPE_PASS_ENV", "INVOCATION_ID",
                "CAPE_LISTEN_URL", fixture.database.url()));
    try (var worker = WorkerProcess.start(directory, environment, "--exit-when-idle")) {
      assertEquals(0, worker.exitCode(), worker.output());
      worker.awaitOutput("withheld");
    }
    List<String> seen = List.of(fixture.read("seen").split("\0"));
    for (String present :
        List.of(
            "CAPE_ISSUE_ID=1",
            "CAPE_ATTEMPT=1",
            "CAPE_FENCE=1",
            "CAPE_WORKER_ID=envy",
            "FROM_FILE=ünï code",
            "BOTH=environment",
            "SINGLE=a b",
            "KEPT=yes",
            "INVOCATION_ID=i")) {
      assertTrue(seen.contains(present), present + " in " + seen);
    }
    for (String absent :
        List.of(
            "CAPE_DATABASE_URL",
            "CAPE_LISTEN_URL",
            "CAPE_HTTP_TOKEN",
            "PGPASSWORD",
            "NOTIFY_SOCKET",
            "WATCHDOG_USEC",
            "LISTEN_FDS",
            "CAPE_LAST_ERROR")) {
      assertTrue(
          seen.stream().noneMatch(entry -> entry.startsWith(absent + "=")), absent + " in " + seen);
    }
    assertTrue(seen.stream().anyMatch(entry -> entry.startsWith("CAPE_RUN_ID=")));
  }

  @ParameterizedTest
  @ValueSource(strings = {"timestamp", "timestamptz"})
  void timesAgreeWhateverTheZoneOfTheWorker(String type) throws Exception {
    var fixture = new JarFixture(directory, "true");
    fixture.database.execute(
        """
        CREATE TABLE cape_issues (id serial PRIMARY KEY, description text NOT NULL,
          status text DEFAULT 'pending' CHECK (status IN ('pending', 'started', 'completed')),
          created_at %1$s DEFAULT now(), updated_at %1$s DEFAULT now(),
          started_at %1$s, completed_at %1$s)
        """
            .formatted(type));
    fixture.migrated();
    fixture.insert("an issue");
    Map<String, String> environment =
        fixture.environment(Map.of("CAPE_WORKER_ID", "york", "TZ", "America/New_York"));
    try (var worker = WorkerProcess.start(directory, environment, "--exit-when-idle")) {
      assertEquals(0, worker.exitCode(), worker.output());
    }
    String utc = type.equals("timestamp") ? " AT TIME ZONE 'UTC'" : "";
    for (String column : List.of("created_at", "updated_at", "started_at", "completed_at")) {
      String off =
          fixture.database.value(
              "SELECT extract(epoch FROM i.%s%s - clock_timestamp()) FROM cape_issues i"
                  .formatted(column, utc));
      assertTrue(Math.abs(Double.parseDouble(off)) < 60, column + " is off by " + off + " s");
      assertEquals(
          "t",
          fixture.database.value(
              "SELECT abs(extract(epoch FROM i.%s%s - a.started_at)) < 60 FROM cape_issues i, cape_issue_attempts a"
                  .formatted(column, utc)),
          column);
    }
    LocalDateTime logged =
        LocalDateTime.parse(
            fixture.read("logs/worker_york.log").substring(0, 19).replace(' ', 'T'));
    Duration age = Duration.between(logged, LocalDateTime.now(ZoneId.of("America/New_York")));
    assertTrue(age.abs().toMinutes() < 2, "logged in local time");
  }

  private static void insert(JarFixture fixture, String description) throws Exception {
    try (var connection = fixture.database.dataSource().getConnection();
        PreparedStatement statement =
            connection.prepareStatement("INSERT INTO cape_issues (description) VALUES (?)")) {
      statement.setString(1, description);
      statement.executeUpdate();
    }
  }

  @Test
  void variablesThatInterpretersObeyReachTheWorkflowAndNotTheGuardian() throws Exception {
    var fixture = new JarFixture(directory, "tr '\\0' '\\n' </proc/$$/environ >seen").migrated();
    fixture.insert("an issue");
    Map<String, String> obeyed =
        Map.of(
            "PERL5OPT", "-Mno::such::module",
            "PERL5LIB", "/nowhere",
            "PERL_UNICODE", "SDA",
            "BASH_ENV", "/nowhere",
            "BASH_FUNC_own%%", "() { :; }",
            "IFS", "x",
            "TMOUT", "1");
    Map<String, String> own = new HashMap<>(obeyed);
    own.put("CAPE_WORKER_ID", "x");
    try (var worker =
        WorkerProcess.start(directory, fixture.environment(own), "--exit-when-idle")) {
      assertEquals(0, worker.exitCode(), worker.output());
    }
    List<String> seen = fixture.read("seen").lines().toList();
    for (Map.Entry<String, String> variable : obeyed.entrySet()) {
      assertTrue(seen.contains(variable.getKey() + "=" + variable.getValue()), seen::toString);
    }
  }
}
