package com.cape.worker.chaos;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A short one of what scripts/chaos.sh does for longer. */
@Timeout(300)
class ChaosIT {
  @TempDir private Path directory;

  @Test
  void promisesHold() throws Exception {
    assertTrue(Chaos.run(directory, Duration.ofSeconds(20), 3, 7, false));
  }

  @Test
  void leasesThatDoNotHoldAreNoticed() throws Exception {
    assertFalse(Chaos.run(directory, Duration.ofSeconds(10), 3, 7, true));
  }
}
