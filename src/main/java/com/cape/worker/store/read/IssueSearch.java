package com.cape.worker.store.read;

import static java.util.Objects.requireNonNull;

import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * Finds issues page by page in a table of any size. A filter that no index serves is tried on one
 * portion of the rows after the other, until the page is full or the time is up; then it says how
 * far it came, and goes on from there when it is asked to.
 */
public final class IssueSearch {
  // Of all portions of one page.
  private static final Duration BUDGET = Duration.ofMillis(600);
  private static final Duration QUICK = Duration.ofMillis(60);
  private static final Duration SLOW = Duration.ofMillis(250);
  private static final int GROWTH = 4;
  private static final int LEAST_ROWS = 50;
  private static final int FIRST_ROWS = 1000;
  private static final int MOST_ROWS = 20_000;
  // So many of a status can be sorted by their ids.
  private static final int FEW = 20_000;
  private static final int FEW_TEXTS = 5000;
  // How much of a description is searched: long ones are stored apart, and packed.
  private static final int SEARCHED_CHARACTERS = 10_000;

  private final Database database;
  private final LongSupplier nanoTime;

  public IssueSearch(Database database) {
    this(database, System::nanoTime);
  }

  IssueSearch(Database database, LongSupplier nanoTime) {
    this.database = requireNonNull(database);
    this.nanoTime = nanoTime;
  }

  /**
   * What is looked for.
   *
   * @param statuses none for all
   * @param text within the description, in small or capital letters
   * @param after where the page before ended
   */
  public record Query(
      List<IssueStatus> statuses,
      Optional<WorkerId> worker,
      Optional<Integer> priority,
      Optional<String> text,
      IssueQueries.Sort sort,
      Optional<Position> after,
      int limit) {
    private Query further(Optional<Position> behind, int most) {
      return new Query(statuses, worker, priority, text, sort, behind, most);
    }
  }

  /**
   * A place in the order.
   *
   * @param priority and runAfter have a meaning in the order of the queue only
   * @param runAfter as PostgreSQL writes it in UTC
   */
  public record Position(long id, int priority, String runAfter) {}

  /**
   * A page.
   *
   * @param next empty when there is no more
   * @param searchedUntil the last issue that was looked at, where the time was up before the page
   *     was full
   */
  public record Page(
      List<IssueView> issues, Optional<Position> next, Optional<Long> searchedUntil) {}

  private record Row(IssueView issue, Position position) {}

  /** As many as the query may have, however long that takes. */
  public List<IssueView> all(Query query) {
    List<IssueView> all = new ArrayList<>();
    Optional<Position> after = query.after();
    do {
      Page page = find(query.further(after, query.limit() - all.size()));
      all.addAll(page.issues());
      after = page.next();
    } while (after.isPresent() && all.size() < query.limit());
    return all;
  }

  /** The page behind a position, or the first one. */
  public Page find(Query query) {
    return query.sort() == IssueQueries.Sort.QUEUE
        ? new Search(query).queue()
        : new Search(query).byId();
  }

  /** One page in the making. */
  private final class Search {
    private final Query query;
    private final long started = nanoTime.getAsLong();
    private final List<Row> found = new ArrayList<>();
    private final List<String> filters = new ArrayList<>();
    private int rows = FIRST_ROWS;

    private Search(Query query) {
      this.query = query;
      query
          .text()
          .ifPresent(
              text ->
                  filters.add(
                      "left(description::text, %d) ILIKE ?::text".formatted(SEARCHED_CHARACTERS)));
      query.priority().ifPresent(number -> filters.add("priority = " + number));
    }

    private Page byId() {
      if (!query.statuses().isEmpty()) {
        filters.add(in(query.statuses()));
      }
      boolean newest = query.sort() == IssueQueries.Sort.NEWEST;
      long from = query.after().map(Position::id).orElse(newest ? Long.MAX_VALUE : Long.MIN_VALUE);
      if (few()) {
        read(few(newest), bind -> bindText(bindWorker(bind)).number(from).number(query.limit()));
        return full() ? upTo(last()) : new Page(issues(), Optional.empty(), Optional.empty());
      }
      return inPortions(newest, from);
    }

    private Page inPortions(boolean newest, long from) {
      String place = query.worker().isPresent() ? "assigned_worker_id::text = ?::text" : "true";
      String order = newest ? "id DESC" : "id";
      String behind = newest ? "id < ?" : "id > ?";
      String portion =
          "SELECT %s FROM cape_issues WHERE " + place + " AND " + behind + " ORDER BY " + order;
      Position position = new Position(from, 0, "");
      while (true) {
        long id = position.id();
        int size = rows;
        read(
            IssueQueries.VIEW.formatted(
                    IssueQueries.BEGINNING, "(" + portion.formatted("*") + " LIMIT ?)")
                + where(filters)
                + " ORDER BY i."
                + order
                + " LIMIT ?",
            bind -> bindText(bindWorker(bind).number(id).number(size)).number(left()));
        if (full()) {
          return upTo(last());
        }
        Optional<Long> end =
            database.queryOne(
                portion.formatted("id") + " OFFSET ? LIMIT 1",
                bind -> bindWorker(bind).number(id).number(size - 1),
                row -> row.getLong("id"));
        if (end.isEmpty()) {
          return new Page(issues(), Optional.empty(), Optional.empty());
        }
        position = new Position(end.get(), 0, "");
        if (timeIsUp()) {
          return stoppedAt(position);
        }
      }
    }

    /**
     * Whether all issues of the statuses can be looked at; the planner would rather walk along the
     * ids.
     */
    private boolean few() {
      if (query.statuses().isEmpty() || query.statuses().contains(IssueStatus.COMPLETED)) {
        return false;
      }
      int most = query.text().isPresent() ? FEW_TEXTS : FEW;
      return database
              .queryOne(
                  "SELECT count(*) AS number FROM (SELECT FROM cape_issues WHERE "
                      + in(query.statuses())
                      + " LIMIT ?) AS these",
                  bind -> bind.number(most + 1),
                  row -> row.getLong("number"))
              .orElseThrow()
          <= most;
    }

    private String few(boolean newest) {
      List<String> conditions = new ArrayList<>();
      if (query.worker().isPresent()) {
        conditions.add("assigned_worker_id::text = ?::text");
      }
      conditions.addAll(filters);
      conditions.add(newest ? "i.id < ?" : "i.id > ?");
      String all = "(SELECT * FROM cape_issues WHERE " + in(query.statuses()) + " OFFSET 0)";
      return IssueQueries.VIEW.formatted(IssueQueries.BEGINNING, all)
          + where(conditions)
          + " ORDER BY i.id"
          + (newest ? " DESC" : "")
          + " LIMIT ?";
    }

    /** One priority after the other, each along its index. */
    private Page queue() {
      query.worker().ifPresent(worker -> filters.add("assigned_worker_id::text = ?::text"));
      Optional<Position> position =
          query
              .after()
              .or(() -> query.priority().map(IssueSearch::top))
              .or(() -> level("<=", Integer.MAX_VALUE));
      while (position.isPresent()) {
        Position from = position.get();
        int size = rows;
        read(
            IssueQueries.VIEW.formatted(
                    IssueQueries.BEGINNING, "(" + QUEUE.formatted("*") + " LIMIT ?)")
                + where(filters)
                + " ORDER BY run_after, i.id LIMIT ?",
            bind -> bindWorker(bindText(bindQueue(bind, from).number(size))).number(left()));
        if (full()) {
          return upTo(last());
        }
        position =
            database
                .queryOne(
                    QUEUE.formatted("id, priority, run_after::text AS run_after")
                        + " OFFSET ? LIMIT 1",
                    bind -> bindQueue(bind, from).number(size - 1),
                    IssueSearch::toPosition)
                .or(
                    () ->
                        query.priority().isPresent()
                            ? Optional.empty()
                            : level("<", from.priority()));
        if (position.isPresent() && timeIsUp()) {
          return stoppedAt(position.get());
        }
      }
      return new Page(issues(), Optional.empty(), Optional.empty());
    }

    /** Before the first issue of the highest priority that is so. */
    private Optional<Position> level(String compared, int bound) {
      return database
          .queryOne(
              "SELECT priority FROM cape_issues WHERE status::text = 'pending' AND priority "
                  + compared
                  + " ? ORDER BY priority DESC LIMIT 1",
              bind -> bind.number(bound),
              row -> row.getInt("priority"))
          .map(IssueSearch::top);
    }

    private Database.Binding bindQueue(Database.Binding bind, Position from) throws SQLException {
      return bind.number(from.priority()).text(from.runAfter()).number(from.id());
    }

    private Database.Binding bindWorker(Database.Binding bind) throws SQLException {
      return query.worker().isPresent() ? bind.text(query.worker().get().value()) : bind;
    }

    private Database.Binding bindText(Database.Binding bind) throws SQLException {
      return query.text().isPresent() ? bind.text(pattern(query.text().get())) : bind;
    }

    private void read(String sql, Database.Binder binder) {
      long start = nanoTime.getAsLong();
      found.addAll(database.read(sql, binder, IssueSearch::toRow));
      Duration took = Duration.ofNanos(nanoTime.getAsLong() - start);
      if (took.compareTo(QUICK) < 0) {
        rows = Math.min(rows * GROWTH, MOST_ROWS);
      } else if (took.compareTo(SLOW) > 0) {
        rows = Math.max(rows / GROWTH, LEAST_ROWS);
      }
    }

    private int left() {
      return query.limit() - found.size();
    }

    private boolean full() {
      return found.size() >= query.limit();
    }

    private boolean timeIsUp() {
      return nanoTime.getAsLong() - started >= BUDGET.toNanos();
    }

    private Position last() {
      return found.get(found.size() - 1).position();
    }

    private List<IssueView> issues() {
      return found.stream().map(Row::issue).toList();
    }

    private Page upTo(Position end) {
      return new Page(issues(), Optional.of(end), Optional.empty());
    }

    private Page stoppedAt(Position end) {
      return new Page(issues(), Optional.of(end), Optional.of(end.id()));
    }
  }

  private static final String QUEUE =
      "SELECT %s FROM cape_issues WHERE status::text = 'pending' AND priority = ?"
          + " AND (run_after, id) > (?::timestamptz, ?) ORDER BY run_after, id";

  /** Before all issues of a priority. */
  private static Position top(int priority) {
    return new Position(Long.MIN_VALUE, priority, "-infinity");
  }

  private static String in(List<IssueStatus> statuses) {
    return statuses.stream()
        .map(status -> "'" + status.word() + "'")
        .collect(Collectors.joining(", ", "status::text IN (", ")"));
  }

  private static String where(List<String> conditions) {
    return conditions.isEmpty() ? "" : " WHERE " + String.join(" AND ", conditions);
  }

  private static String pattern(String text) {
    return "%" + text.replaceAll("([\\\\%_])", "\\\\$1") + "%";
  }

  private static Position toPosition(ResultSet row) throws SQLException {
    String runAfter = Optional.ofNullable(row.getString("run_after")).orElse("infinity");
    return new Position(row.getLong("id"), row.getInt("priority"), runAfter);
  }

  private static Row toRow(ResultSet row) throws SQLException {
    return new Row(IssueQueries.toIssue(row), toPosition(row));
  }
}
