package com.cape.worker.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RateLimitTest {
  private final AtomicLong nanos = new AtomicLong();
  private final RateLimit limit = new RateLimit(10, 3, nanos::get);

  @Test
  void burstIsFreeAndThenTheRateHolds() {
    for (int i = 0; i < 3; i++) {
      assertEquals(Optional.empty(), limit.take("a"));
    }
    assertEquals(Optional.of(Duration.ofMillis(100)), limit.take("a"));
    nanos.addAndGet(Duration.ofMillis(100).toNanos());
    assertEquals(Optional.empty(), limit.take("a"));
    assertTrue(limit.take("a").isPresent());
    assertEquals(Optional.empty(), limit.take("b"), "another client");
  }

  @Test
  void networkOfIpv6IsOneClient() throws Exception {
    for (int i = 0; i < 3; i++) {
      assertEquals(Optional.empty(), limit.take(InetAddress.getByName("2001:db8::" + i)));
    }
    assertTrue(limit.take(InetAddress.getByName("2001:db8::ffff")).isPresent());
    assertEquals(Optional.empty(), limit.take(InetAddress.getByName("2001:db8:0:1::1")));
  }
}
