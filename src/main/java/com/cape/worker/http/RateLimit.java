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

  // In the order of their last request.
  private final Map<String, Bucket> clients =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Bucket> eldest) {
          return size() > MOST_CLIENTS;
        }
      };

  private record Bucket(double left, long filledNanos) {}

  public RateLimit(double perSecond, int burst) {
    this(perSecond, burst, System::nanoTime);
  }

  RateLimit(double perSecond, int burst, LongSupplier nanoTime) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.nanoTime = nanoTime;
  }

  /** The same for all addresses of an IPv6 network, because whoever has it has all of them. */
  Optional<Duration> take(InetAddress client) {
    byte[] address = client.getAddress();
    return take(Arrays.toString(Arrays.copyOf(address, Math.min(address.length, NETWORK_BYTES))));
  }

  /** Empty when the client may, else how long it has to wait. */
  public synchronized Optional<Duration> take(String client) {
    long now = nanoTime.getAsLong();
    Bucket last = clients.getOrDefault(client, new Bucket(burst, now));
    double left = Math.min(burst, last.left + (now - last.filledNanos) / 1e9 * perSecond);
    clients.put(client, new Bucket(left < 1 ? left : left - 1, now));
    return left < 1
        ? Optional.of(Duration.ofMillis((long) ((1 - left) / perSecond * 1000)))
        : Optional.empty();
  }
}
