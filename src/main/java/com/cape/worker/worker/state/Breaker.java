package com.cape.worker.worker.state;

import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.Pacing;
import com.cape.worker.store.pause.PauseOrder;
import com.cape.worker.store.pause.PauseOrder.Kind;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.store.pause.RecentEnd;
import com.cape.worker.worker.state.OutcomeRules.Scopes;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/**
 * Finds a worker or an account whose runs fail in a series that is not the issues' fault. Needs no
 * wording. Several issues have to fail: one that cannot be done trips no breaker.
 */
public final class Breaker {
  private static final int QUICK_ON_A_WORKER = 5;
  private static final int QUICK_ISSUES_ON_A_WORKER = 3;
  private static final int ANY_ON_A_WORKER = 3;
  private static final int ALIKE_ON_A_WORKER = 2;
  private static final int QUICK_OF_AN_ACCOUNT = 10;
  private static final int QUICK_ISSUES_OF_AN_ACCOUNT = 5;
  private static final int WORKERS_OF_AN_ACCOUNT = 2;
  // Times, numbers and ids differ from run to run.
  private static final Pattern VARYING = Pattern.compile("[0-9a-f-]*[0-9][0-9a-f-]*");
  private static final Pattern HEAD = Pattern.compile("^attempt \\d+ \\w+: [^:]*:? ?");

  private final String worker;
  private final Scopes scopes;
  private final Pacing pacing;

  public Breaker(String worker, Scopes scopes, Pacing pacing) {
    this.worker = worker;
    this.scopes = scopes;
    this.pacing = pacing;
  }

  /**
   * The pause that a series asks for.
   *
   * @param ends of the account, the last one first
   */
  public Optional<PauseOrder> judge(List<RecentEnd> ends) {
    List<RecentEnd> mine = ends.stream().filter(end -> end.worker().equals(worker)).toList();
    return account(ends).or(() -> failing(mine)).or(() -> broken(mine, ends));
  }

  private Optional<PauseOrder> account(List<RecentEnd> ends) {
    List<RecentEnd> series = series(ends, QUICK_OF_AN_ACCOUNT, this::isQuick);
    boolean trips =
        issues(series) >= QUICK_ISSUES_OF_AN_ACCOUNT
            && series.stream().map(RecentEnd::worker).distinct().count() >= WORKERS_OF_AN_ACCOUNT;
    return trips
        ? Optional.of(order(scopes.account(), Kind.FAILING, pacing.rest(), series))
        : Optional.empty();
  }

  private Optional<PauseOrder> failing(List<RecentEnd> mine) {
    List<RecentEnd> series = series(mine, QUICK_ON_A_WORKER, this::isQuick);
    return issues(series) >= QUICK_ISSUES_ON_A_WORKER
        ? Optional.of(order(scopes.worker(), Kind.FAILING, pacing.rest(), series))
        : Optional.empty();
  }

  /** Each run is paid in full, so that two are enough if they fail as no other worker's runs do. */
  private Optional<PauseOrder> broken(List<RecentEnd> mine, List<RecentEnd> ends) {
    List<RecentEnd> alike = series(mine, ALIKE_ON_A_WORKER, end -> failsAlone(end, ends));
    boolean areAlike = alike.stream().map(Breaker::text).distinct().count() == 1;
    List<RecentEnd> series =
        areAlike && issues(alike) == ALIKE_ON_A_WORKER && othersWork(alike, ends)
            ? alike
            : series(mine, ANY_ON_A_WORKER, end -> true);
    boolean trips = issues(series) == series.size() && othersWork(series, ends);
    return trips && !series.isEmpty()
        ? Optional.of(
            order(scopes.worker(), Kind.BROKEN, pacing.restAfter(series.get(0).ran()), series))
        : Optional.empty();
  }

  /** So many at the beginning that all failed and are such; else none. */
  private static List<RecentEnd> series(
      List<RecentEnd> ends, int length, Predicate<RecentEnd> such) {
    List<RecentEnd> first = ends.stream().limit(length).toList();
    boolean all =
        first.size() == length
            && first.stream().allMatch(end -> end.outcome() != Outcome.COMPLETED && such.test(end));
    return all ? first : List.of();
  }

  private boolean isQuick(RecentEnd end) {
    return end.ran().compareTo(pacing.quick()) <= 0;
  }

  private static long issues(List<RecentEnd> ends) {
    return ends.stream().map(RecentEnd::issueId).distinct().count();
  }

  /** Whether a run of another worker completed since the first of the series had begun. */
  private boolean othersWork(List<RecentEnd> series, List<RecentEnd> ends) {
    return !series.isEmpty()
        && ends.stream()
            .anyMatch(
                end ->
                    end.outcome() == Outcome.COMPLETED
                        && !end.worker().equals(worker)
                        && end.finished().isAfter(series.get(series.size() - 1).started()));
  }

  private boolean failsAlone(RecentEnd failed, List<RecentEnd> ends) {
    String text = text(failed);
    return !text.isEmpty()
        && ends.stream()
            .filter(end -> !end.worker().equals(worker) && end.outcome() != Outcome.COMPLETED)
            .noneMatch(end -> text(end).equals(text));
  }

  /** The cause that was found in the output, else its last line. */
  private static String text(RecentEnd end) {
    String cause = HEAD.matcher(end.error()).replaceFirst("");
    String line =
        cause.isEmpty()
            ? end.output()
                .lines()
                .filter(any -> !any.isBlank() && !any.equals(end.error()))
                .reduce("", (one, next) -> next)
            : cause;
    return VARYING.matcher(line).replaceAll("0");
  }

  private PauseOrder order(
      PauseScope scope, Kind kind, List<Duration> waits, List<RecentEnd> series) {
    String reason =
        "%d runs in a row failed%s; the last: %s"
            .formatted(
                series.size(),
                kind == Kind.FAILING ? " at once" : " here, others' do not",
                series.get(0).error());
    return new PauseOrder(scope, kind, waits, pacing.rampStep(), reason, "");
  }
}
