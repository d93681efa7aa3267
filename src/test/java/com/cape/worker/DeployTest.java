package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What can be shown of deploy/ without a cluster. */
@Tag("database")
class DeployTest {
  private static final int GRACE = 10;
  private static final int TO_WRITE_RESULTS = 30;

  @Test
  void kedaCountsWhatMayBeClaimedNow() throws IOException {
    String query =
        find("(?s)query: >-\n(.*?)\n +targetQueryValue", read("keda.yaml")).replaceAll("\\s+", " ");
    var database = TestDatabase.createMigrated();
    database.execute(
        "INSERT INTO cape_issues (description, status, run_after) VALUES"
            + " ('due', 'pending', now()), ('due', 'pending', now() - interval '1 day'),"
            + " ('later', 'pending', now() + interval '1 hour'), ('done', 'completed', now())");
    assertEquals("2", database.value(query));
    database.execute(
        "INSERT INTO cape_pauses (scope, paused_until) VALUES ('*', now() - interval '1 s')");
    assertEquals("2", database.value(query));
    database.execute("UPDATE cape_pauses SET paused_until = NULL");
    assertEquals("0", database.value(query));
  }

  @ParameterizedTest
  @ValueSource(strings = {"kubernetes.yaml", "keda.yaml"})
  void podIsGivenTheTimeThatADrainTakes(String file) throws IOException {
    String manifest = read(file);
    int period = Integer.parseInt(find("terminationGracePeriodSeconds: (\\d+)", manifest));
    int drain = Integer.parseInt(find("CAPE_DRAIN_TIMEOUT, value: \"(\\d+)\"", manifest));
    assertTrue(period >= drain + GRACE + TO_WRITE_RESULTS, period + " for " + drain);
  }

  @Test
  void podsOfADeploymentAreProbedWhereTheirWorkerServes() throws IOException {
    String manifest = read("kubernetes.yaml");
    String port = find("CAPE_HTTP, value: \"0\\.0\\.0\\.0:(\\d+)\"", manifest);
    assertEquals(port, find("name: http, containerPort: (\\d+)", manifest));
    // Any address but loopback asks for a token.
    assertTrue(manifest.contains("--from-literal=CAPE_HTTP_TOKEN="), manifest);
    for (String probe :
        new String[] {"startupProbe /live", "livenessProbe /live", "readinessProbe /ready"}) {
      String[] words = probe.split(" ");
      requireMatch(words[0] + ":\n +httpGet: \\{path: " + words[1] + ", port: http\\}", manifest);
    }
  }

  @Test
  void jobLeavesWhenItIsIdleAndIsNotTriedAgain() throws IOException {
    String manifest = read("keda.yaml");
    requireMatch("args: \\[--exit-when-idle\\]", manifest);
    requireMatch("backoffLimit: 0\n", manifest);
    requireMatch("restartPolicy: Never\n", manifest);
  }

  @ParameterizedTest
  @ValueSource(strings = {"kubernetes.yaml", "keda.yaml"})
  void podIsTheUserOfTheImageAndNoMore(String file) throws IOException {
    String manifest = read(file);
    String user = find("\nUSER (\\d+)\n", read("Containerfile"));
    assertEquals(user, find("runAsUser: (\\d+)", manifest));
    requireMatch("runAsNonRoot: true", manifest);
    requireMatch("allowPrivilegeEscalation: false", manifest);
    requireMatch("capabilities: \\{drop: \\[ALL\\]\\}", manifest);
  }

  private static String read(String file) throws IOException {
    return Files.readString(Path.of("deploy", file));
  }

  private static void requireMatch(String pattern, String text) {
    assertTrue(Pattern.compile(pattern).matcher(text).find(), pattern);
  }

  private static String find(String pattern, String text) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    assertTrue(matcher.find(), pattern);
    return matcher.group(1);
  }
}
