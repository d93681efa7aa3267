package com.cape.worker.store.queue;

import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** After a claim has failed: finds the issues that refuse it, and sets them aside. */
final class CarefulClaim {
  private static final String SHORT_LOCKS = "SELECT set_config('lock_timeout', '500ms', true);";
  private static final String QUERY_CANCELED = "57014";
  private static final Duration LONGEST_SEARCH = Duration.ofSeconds(10);
  private static final String PASSED_OVER =
      "an update changes nothing: a trigger or a row policy passes it over";
  private static final long NO_ISSUE = Long.MIN_VALUE;

  private final Database database;
  private final Refusals refusals;
  private final Consumer<Tried> failing;

  /**
   * @param failing fails an issue that was claimed and cannot be run
   */
  CarefulClaim(Database database, Refusals refusals, Consumer<Tried> failing) {
    this.database = database;
    this.refusals = refusals;
    this.failing = failing;
  }

  private static final String CANDIDATES =
      """
      SELECT due.id FROM cape_due_issues due
       ORDER BY due.priority DESC, due.run_after, due.id LIMIT 100 FOR UPDATE SKIP LOCKED
      """;

  /** Empty when it closed an issue instead. */
  Optional<ClaimResult> claim(ClaimForm form, ClaimRequest request) {
    ClaimForm one = form.ofOne();
    // Throws when the statement is refused, whatever the issue.
    claimThis(one, request, NO_ISSUE);
    boolean anyClosed = false;
    long endNanos = System.nanoTime() + LONGEST_SEARCH.toNanos();
    for (long id : database.query(CANDIDATES, bind -> {}, row -> row.getLong("id"))) {
      if (System.nanoTime() - endNanos > 0) {
        break;
      }
      Tried tried = claimOrSetAside(one, request, id);
      if (tried.step() == Tried.Step.CLAIMED) {
        return Optional.of(tried.result());
      }
      if (tried.step() == Tried.Step.UNFIT) {
        failing.accept(tried);
      }
      anyClosed |= tried.step() == Tried.Step.CLOSED || tried.step() == Tried.Step.UNFIT;
    }
    return anyClosed ? Optional.empty() : Optional.of(Tried.NOTHING);
  }

  private Tried claimOrSetAside(ClaimForm form, ClaimRequest request, long id) {
    try {
      return claimThis(form, request, id);
    } catch (StoreException e) {
      // A statement that takes too long says nothing about the issue.
      if (e.ofConnection() || e.sqlState().equals(QUERY_CANCELED)) {
        throw e;
      }
      if (e.ofCharacters() && !form.unread().equals(form)) {
        return claimOrSetAside(form.unread(), request, id)
            .because("the text of the issue cannot be read: " + e.getMessage());
      }
      return setAside(id, e.getMessage());
    }
  }

  private Tried claimThis(ClaimForm form, ClaimRequest request, long id) {
    Tried tried =
        database.queryAll(
            SHORT_LOCKS + form.sql(),
            bind -> form.bind(bind, request, OptionalLong.of(id)),
            answers -> {
              answers.next(row -> true);
              form.skip(answers);
              return Tried.of(answers, false);
            });
    return tried.step() == Tried.Step.PASSED_OVER ? setAside(id, PASSED_OVER) : tried;
  }

  private Tried setAside(long id, String cause) {
    return refusals.setAside(id, cause) ? Tried.CLOSED : Tried.PASSED_OVER;
  }
}
