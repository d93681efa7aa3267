package com.cape.worker.run;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class RoundsTest {
  private final ScheduledThreadPoolExecutor thread = new ScheduledThreadPoolExecutor(1);
  private final Rounds rounds = new Rounds(thread, Duration.ofMillis(5));

  @AfterEach
  void end() {
    thread.shutdownNow();
  }

  @Test
  void oneThatFailsKeepsNoOtherFromItsRounds() throws Exception {
    rounds.add(
        () -> {
          throw new NoClassDefFoundError("gone");
        });
    assertTrue(goesRound(3));
  }

  @Test
  void roundsEndWithTheLastThingAndBeginWithTheNext() throws Exception {
    assertTrue(goesRound(2));
    await().until(() -> thread.getActiveCount() == 0 && thread.getQueue().isEmpty());
    assertTrue(goesRound(2));
    assertEquals(1, thread.getLargestPoolSize());
  }

  private boolean goesRound(int times) throws InterruptedException {
    var left = new CountDownLatch(times);
    Runnable thing = left::countDown;
    rounds.add(thing);
    try {
      return left.await(10, TimeUnit.SECONDS);
    } finally {
      rounds.remove(thing);
    }
  }
}
