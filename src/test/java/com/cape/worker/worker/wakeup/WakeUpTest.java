package com.cape.worker.worker.wakeup;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class WakeUpTest {
  private static final Duration LONG = Duration.ofSeconds(20);

  private final WakeUp wakeUp = new WakeUp();

  @Test
  void signalIsKept() throws Exception {
    wakeUp.signal();
    assertTrue(waited(LONG).toSeconds() < 10);
    assertTrue(waited(Duration.ofMillis(50)).toMillis() >= 50);
  }

  @Test
  void earliestOfTheLaterSignalsCountsAndOnce() throws Exception {
    wakeUp.signalAfter(LONG);
    wakeUp.signalAfter(Duration.ofMillis(100));
    Duration waited = waited(LONG);
    assertTrue(waited.toMillis() >= 95 && waited.toSeconds() < 10, waited.toString());
    assertTrue(waited(Duration.ofMillis(50)).toMillis() >= 50);
  }

  @Test
  void laterSignalShortensAWaitThatHasBegun() throws Exception {
    var waiting = CompletableFuture.supplyAsync(() -> waited(LONG));
    wakeUp.signalAfter(Duration.ofMillis(100));
    assertTrue(waiting.get().toSeconds() < 10);
  }

  @Test
  void laterSignalOutlastsAnEarlierOne() throws Exception {
    wakeUp.signalAfter(Duration.ofMillis(300));
    wakeUp.signal();
    waited(LONG);
    assertTrue(waited(LONG).toSeconds() < 10);
  }

  private Duration waited(Duration atMost) {
    long beganNanos = System.nanoTime();
    try {
      wakeUp.await(atMost);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return Duration.ofNanos(System.nanoTime() - beganNanos);
  }
}
