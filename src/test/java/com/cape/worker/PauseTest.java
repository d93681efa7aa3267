package com.cape.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("database")
@Timeout(60)
class PauseTest {
  private final OperatorFixture fixture = new OperatorFixture();

  @Test
  void fleetIsPausedUntilItIsResumed() {
    var ran = fixture.run("pause", "--reason", "deploy\u001b[2J");
    assertEquals(0, ran.exitCode(), ran.err());
    assertEquals("paused: the fleet until it is resumed: deploy\n", ran.out());
    assertEquals("*", fixture.value("SELECT scope FROM cape_pauses WHERE paused_until IS NULL"));
    assertEquals("the fleet is resumed\n", fixture.run("resume").out());
    assertEquals("0", fixture.value("SELECT count(*) FROM cape_pauses"));
    assertEquals("the fleet was not paused\n", fixture.run("resume").out());
  }

  @Test
  void workerIsPausedForATime() {
    fixture.worker("alleycat-1", "idle", "1 s");
    var ran = fixture.run("pause", "--worker", "alleycat-1", "--for", "30m");
    assertTrue(
        ran.out().matches("paused: worker alleycat-1 until .*Z \\((30m 00s|29m 59s) left\\)\n"),
        ran.out());
    assertEquals(
        "t",
        fixture.value(
            "SELECT paused_until - created_at = interval '30 min' FROM cape_pauses WHERE scope = 'alleycat-1'"));
    assertTrue(fixture.run("resume").out().contains("still paused: worker alleycat-1"));
    String json = fixture.run("resume", "--worker", "alleycat-1", "--json").out();
    assertEquals("{\"resumed\":true,\"pauses\":[]}\n", json);
  }

  @Test
  void pauseThatLastsLongerStays() {
    fixture.database.execute(
        "INSERT INTO cape_pauses VALUES ('*', now() + interval '15 min', 'usage limit')");
    var ran = fixture.run("pause", "--for", "1m", "--reason", "deploy");
    assertTrue(ran.out().contains("usage limit"), ran.out());
    assertTrue(fixture.run("pause", "--for", "1h", "--reason", "deploy").out().contains("deploy"));
    assertTrue(
        fixture
            .run("pause", "--json")
            .out()
            .startsWith(
                "{\"worker\":null,\"account\":null,\"kind\":\"asked\",\"phase\":\"paused\",\"until\":null,"));
  }

  @Test
  void workerThatWasMistypedIsRefused() {
    fixture.worker("alleycat-1", "idle", "1 s");
    for (String command : new String[] {"pause", "resume"}) {
      var ran = fixture.run(command, "--worker", "alleycat-2");
      assertEquals(1, ran.exitCode());
      assertTrue(ran.err().contains("did you mean 'alleycat-1'?"), ran.err());
    }
    assertEquals("0", fixture.value("SELECT count(*) FROM cape_pauses"));
    var wrong = fixture.run("pause", "--worker", "no spaces");
    assertEquals(2, wrong.exitCode());
    assertEquals(2, fixture.run("pause", "--for", "0").exitCode());
    assertEquals(2, fixture.run("pause", "--for", "-5m").exitCode());
  }
}
