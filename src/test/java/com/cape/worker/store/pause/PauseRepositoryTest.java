package com.cape.worker.store.pause;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.store.Database;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.testing.TestDatabase;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Tag("database")
@Timeout(60)
class PauseRepositoryTest {
  private final TestDatabase database = TestDatabase.create();
  private final PauseRepository pauses = new PauseRepository(new Database(database.dataSource()));

  @BeforeEach
  void migrate() {
    new Migrator(database.dataSource()).migrate();
  }

  @Test
  void resumeInTheMidstOfAPauseDoesNotMatter() {
    var done = new AtomicBoolean();
    var resumer =
        CompletableFuture.runAsync(
            () -> {
              while (!done.get()) {
                pauses.resume(PauseScope.FLEET);
              }
            });
    try {
      for (int i = 0; i < 200; i++) {
        assertEquals(Optional.of("deploy"), pause(Duration.ofMinutes(5), "deploy").reason());
      }
    } finally {
      done.set(true);
      resumer.join();
    }
  }

  @Test
  void longerPauseStaysAndAnotherOneOfItsLengthTakesItsPlace() {
    database.execute("INSERT INTO cape_pauses VALUES ('*', now() + interval '1 hour', 'limit')");
    assertEquals(Optional.of("limit"), pause(Duration.ofMinutes(5), "deploy").reason());
    Pause unlimited = pauses.pause(PauseScope.FLEET, Optional.empty(), Optional.of("first"));
    assertTrue(unlimited.until().isEmpty());
    assertEquals(
        Optional.of("second"),
        pauses.pause(PauseScope.FLEET, Optional.empty(), Optional.of("second")).reason());
    assertEquals(Optional.of("second"), pause(Duration.ofMinutes(5), "deploy").reason());
  }

  private Pause pause(Duration length, String reason) {
    return pauses.pause(PauseScope.FLEET, Optional.of(length), Optional.of(reason));
  }
}
