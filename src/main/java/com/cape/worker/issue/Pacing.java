package com.cape.worker.issue;

import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;

/**
 * How long the worker, an account or an issue waits after an end that is not the issue's fault.
 *
 * @param limit of an account whose limit has no known end: the first pause, and each that a probe
 *     finds to hold still. Providers' windows are five hours long: around that time it is probed
 *     more often
 * @param spend the same for a spend limit, which a person has to raise
 * @param rest the same for a worker whose runs all fail, and an account whose runs fail at once
 * @param overload an issue's wait after the first overload; twice as long after each further one
 * @param longestOverload the longest such wait
 * @param quick a run that fails within this time fails at once
 * @param rampStep in which the rate of new claims at most doubles once a pause is over; a probe
 *     that lives twice as long has proved enough
 */
public record Pacing(
    List<Duration> limit,
    List<Duration> spend,
    List<Duration> rest,
    Duration overload,
    Duration longestOverload,
    Duration quick,
    Duration rampStep) {
  private static final int PROBE_COST = 4;

  public static final Pacing STANDARD =
      new Pacing(
          minutes(15, 30, 60, 60, 60, 60, 15, 15, 30, 60),
          minutes(60),
          minutes(5, 10, 20, 40, 60),
          Duration.ofMinutes(1),
          Duration.ofMinutes(15),
          Duration.ofMinutes(1),
          Duration.ofMinutes(1));

  public Pacing {
    limit = List.copyOf(limit);
    spend = List.copyOf(spend);
    rest = List.copyOf(rest);
  }

  /** The same with all times shortened, for a trial in which time is scaled. */
  public Pacing faster(int factor) {
    return new Pacing(
        faster(limit, factor),
        faster(spend, factor),
        faster(rest, factor),
        overload.dividedBy(factor),
        longestOverload.dividedBy(factor),
        quick.dividedBy(factor),
        rampStep.dividedBy(factor));
  }

  private static List<Duration> faster(List<Duration> waits, int factor) {
    return waits.stream().map(wait -> wait.dividedBy(factor)).toList();
  }

  private static List<Duration> minutes(Integer... minutes) {
    return Stream.of(minutes).map(Duration::ofMinutes).toList();
  }

  /** The wait after so many overloads of an issue in a row, the last one included. */
  public Duration overloadWait(int inARow) {
    Duration wait = overload.multipliedBy(1L << Math.min(inARow - 1, 20));
    return wait.compareTo(longestOverload) < 0 ? wait : longestOverload;
  }

  /**
   * A worker's rests after a run that took so long. A probe that fails at its end costs as much
   * again, so that at most a fifth of the worker's time is paid in vain.
   */
  public List<Duration> restAfter(Duration ran) {
    Duration least = ran.multipliedBy(PROBE_COST);
    return rest.stream().map(wait -> wait.compareTo(least) < 0 ? least : wait).toList();
  }
}
