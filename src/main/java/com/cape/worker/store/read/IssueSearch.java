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
 * portion of the rows after the other, until the page is full or the time is up; the next page goes
 * on from there.
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
  // Of so many, all can be read and sorted.
  private static final int FEW = 20_000;
  private static final int FEW_TEXTS = 5000;
  // Longer descriptions are stored apart and compressed: slow to search.
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
   * @param priority and runAfter have a meaning in the order of the queue only
   * @param runAfter as PostgreSQL writes it in UTC
   */
  public record Position(long id, int priority, String runAfter) {}

  /**
   * @param next empty when there is no more
   * @param searchedUntil the last issue that was searched, if the time was up before the page was
   *     full
   */
  public record Page(
      List<IssueView> issues, Optional<Position> next, Optional<Long> searchedUntil) {}

  private record Row(IssueView issue, Position position) {}

  /** All up to the query's limit, however long that takes. */
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

  public Page find(Query query) {
    return query.sort() == IssueQueries.Sort.QUEUE
        ? new Search(query).queue()
        : new Search(query).byId();
  }

  /** Binds the parameters of a portion that begins behind a position. */
  private interface Start {
    void bind(Database.Binding bind, Position from) throws SQLException;
  }

  private final class Search {
    private final Query query;
    private final long started = nanoTime.getAsLong();
    private final List<Row> found = new ArrayList<>();
    private final List<String> filters = new ArrayList<>();
    private final List<Database.Binder> values = new ArrayList<>();
    private int rows = FIRST_ROWS;

    private Search(Query query) {
      this.query = query;
      query
          .text()
          .ifPresent(
              text -> {
                filters.add(
                    "left(description::text, %d) ILIKE ?::text".formatted(SEARCHED_CHARACTERS));
                values.add(bind -> bind.text(pattern(text)));
              });
      query.priority().ifPresent(number -> filters.add("priority = " + number));
    }

    private void filterWorker() {
      if (query.worker().isPresent()) {
        filters.add(OF_WORKER);
        values.add(this::bindWorker);
      }
    }

    private void bindWorker(Database.Binding bind) throws SQLException {
      if (query.worker().isPresent()) {
        bind.text(query.worker().get().value());
      }
    }

    private Page byId() {
      boolean newest = query.sort() == IssueQueries.Sort.NEWEST;
      long from = query.after().map(Position::id).orElse(newest ? Long.MAX_VALUE : Long.MIN_VALUE);
      String order = newest ? "id DESC" : "id";
      String behind = newest ? "id < ?" : "id > ?";
      if (!query.statuses().isEmpty()) {
        filters.add(in(query.statuses()));
      }
      if (few()) {
        filterWorker();
        filters.add("i." + behind);
        values.add(bind -> bind.number(from));
        read(
            "SELECT * FROM cape_issues WHERE " + in(query.statuses()) + " OFFSET 0",
            order,
            bind -> {});
        return full() ? upTo(last()) : end();
      }
      String place = query.worker().isPresent() ? OF_WORKER + " AND " : "";
      return inPortions(
          "SELECT %s FROM cape_issues WHERE " + place + behind + " ORDER BY " + order,
          "id, 0 AS priority, '' AS run_after",
          order,
          (bind, position) -> {
            bindWorker(bind);
            bind.number(position.id());
          },
          Optional.of(new Position(from, 0, "")));
    }

    /** Whether all issues of the statuses can be read; the planner would walk along the ids. */
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

    /** One priority after the other, each along its index. */
    private Page queue() {
      filterWorker();
      return inPortions(
          QUEUE,
          "id, priority, run_after::text AS run_after",
          "run_after, id",
          (bind, from) -> bind.number(from.priority()).text(from.runAfter()).number(from.id()),
          query
              .after()
              .or(() -> query.priority().map(IssueSearch::top))
              .or(() -> level("<=", Integer.MAX_VALUE)));
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

    private Page inPortions(
        String portion, String place, String order, Start start, Optional<Position> first) {
      boolean levels = query.sort() == IssueQueries.Sort.QUEUE && query.priority().isEmpty();
      Optional<Position> position = first;
      while (position.isPresent()) {
        Position from = position.get();
        int size = rows;
        read(portion.formatted("*") + " LIMIT " + size, order, bind -> start.bind(bind, from));
        if (full()) {
          return upTo(last());
        }
        position =
            database
                .queryOne(
                    portion.formatted(place) + " OFFSET " + (size - 1) + " LIMIT 1",
                    bind -> start.bind(bind, from),
                    IssueSearch::toPosition)
                .or(() -> levels ? level("<", from.priority()) : Optional.empty());
        if (position.isPresent() && timeIsUp()) {
          return new Page(issues(), position, position.map(Position::id));
        }
      }
      return end();
    }

    /** Finds what is left of the page among some rows. */
    private void read(String among, String order, Database.Binder binder) {
      long start = nanoTime.getAsLong();
      String sql =
          IssueQueries.VIEW.formatted(IssueQueries.BEGINNING, "(" + among + ")")
              + (filters.isEmpty() ? "" : " WHERE " + String.join(" AND ", filters))
              + " ORDER BY "
              + order
              + " LIMIT ?";
      found.addAll(
          database.read(
              sql,
              bind -> {
                binder.bind(bind);
                for (Database.Binder value : values) {
                  value.bind(bind);
                }
                bind.number(query.limit() - found.size());
              },
              IssueSearch::toRow));
      Duration took = Duration.ofNanos(nanoTime.getAsLong() - start);
      if (took.compareTo(QUICK) < 0) {
        rows = Math.min(rows * GROWTH, MOST_ROWS);
      } else if (took.compareTo(SLOW) > 0) {
        rows = Math.max(rows / GROWTH, LEAST_ROWS);
      }
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

    private Page end() {
      return new Page(issues(), Optional.empty(), Optional.empty());
    }
  }

  private static final String OF_WORKER = "assigned_worker_id::text = ?::text";
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
