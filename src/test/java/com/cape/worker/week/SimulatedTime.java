package com.cape.worker.week;

import java.time.Duration;

/** Simulated minutes, counted from the start of a week, and the time in which they pass. */
record SimulatedTime(long startMillis, double scale) {
  private static final double MINUTE_MILLIS = 60_000;

  static SimulatedTime startingNow(double scale) {
    return new SimulatedTime(System.currentTimeMillis(), scale);
  }

  /** How long that many simulated minutes last. */
  Duration lasting(double minutes) {
    return Duration.ofMillis(Math.round(minutes * MINUTE_MILLIS / scale));
  }

  double minutes(double millis) {
    return millis * scale / MINUTE_MILLIS;
  }

  double now() {
    return at((double) System.currentTimeMillis());
  }

  double at(double epochMillis) {
    return minutes(epochMillis - startMillis);
  }

  double epochSeconds(double minutes) {
    return (startMillis + minutes * MINUTE_MILLIS / scale) / 1000;
  }

  Duration until(double minutes) {
    return lasting(Math.max(0, minutes - now()));
  }
}
