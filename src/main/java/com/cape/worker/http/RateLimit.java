package com.cape.worker.http;

import java.net.InetAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/** How often each client may do something. Safe for use by several threads. */
public final class RateLimit {
  private static final int MOST_CLIENTS = 1000;
  private static final int NETWORK_BYTES = 8;

  private final double perSecond;
  private final int burst;
  private final LongSupplier nanoTime;

  /** Those that asked last. */
  private final Map<String, Bucket> clients =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Bucket> eldest) {
          return size() > MOST_CLIENTS;
        }
      };

  private static final class Bucket {
    private double left;
    private long filled;

    private Bucket(double left, long filled) {
      this.left = left;
      this.filled = filled;
    }
  }

  public RateLimit(double perSecond, int burst) {
    this(perSecond, burst, System::nanoTime);
  }

  public RateLimit(double perSecond, int burst, LongSupplier nanoTime) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.nanoTime = nanoTime;
  }

  /** Empty when the client may, else how long it has to wait. */
  public Optional<Duration> take(InetAddress client) {
    return take(name(client));
  }

  /** Whoever has a network of IPv6 has all its addresses. */
  private static String name(InetAddress client) {
    byte[] address = client.getAddress();
    return Arrays.toString(
        address.length > NETWORK_BYTES ? Arrays.copyOf(address, NETWORK_BYTES) : address);
  }

  public synchronized Optional<Duration> take(String client) {
    long now = nanoTime.getAsLong();
    Bucket bucket = clients.computeIfAbsent(client, unknown -> new Bucket(burst, now));
    bucket.left = Math.min(burst, bucket.left + (now - bucket.filled) / 1e9 * perSecond);
    bucket.filled = now;
    if (bucket.left < 1) {
      return Optional.of(Duration.ofMillis((long) ((1 - bucket.left) / perSecond * 1000)));
    }
    bucket.left--;
    return Optional.empty();
  }
}
