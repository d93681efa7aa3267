package com.cape.worker.dashboard;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;
import static java.nio.file.StandardOpenOption.READ;
import static java.util.Objects.requireNonNull;

import com.cape.worker.http.Json;
import com.cape.worker.http.WebRequest;
import com.cape.worker.http.WebResponse;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.run.AttemptLog;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.store.read.IssueQueries;
import com.cape.worker.store.read.IssueSearch;
import com.cape.worker.store.read.IssueView;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the page shows; changes nothing. Safe for use by several threads. */
final class DashboardApi {
  private static final Pattern ISSUE = Pattern.compile("/api/issues/([1-9]\\d{0,17})(/output)?");
  private static final Pattern ID = Pattern.compile("[1-9]\\d{0,17}");
  private static final Pattern POSITION =
      Pattern.compile(
          "(-?\\d{1,19})(?:~(-?\\d{1,10})~(-?infinity|\\d{4,6}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,6})?[+-]\\d\\d(?: BC)?))?");
  private static final int MOST_ISSUES = 200;
  private static final int USUAL_ISSUES = 50;
  private static final int MOST_ATTEMPTS = 50;
  private static final int LONGEST_DESCRIPTION = 100_000;
  private static final int LONGEST_SEARCH = 200;

  private final IssueQueries queries;
  private final IssueSearch search;
  private final Snapshot snapshot;
  private final KeptAnswers answers;
  private final String host; // As this host's workers register it.
  private final Path logs;

  DashboardApi(Database database, Snapshot snapshot, KeptAnswers answers, String host, Path logs) {
    this.queries = new IssueQueries(database);
    this.search = new IssueSearch(database);
    this.snapshot = requireNonNull(snapshot);
    this.answers = requireNonNull(answers);
    this.host = requireNonNull(host);
    this.logs = requireNonNull(logs);
  }

  /** {@code /api/issues}. */
  WebResponse issues(WebRequest request) {
    IssueSearch.Query query;
    try {
      query = query(request.query());
    } catch (IllegalArgumentException e) {
      return WebResponse.error(400, e.getMessage());
    }
    return shared("issues " + new TreeMap<>(request.query()), () -> page(query));
  }

  private WebResponse page(IssueSearch.Query query) {
    IssueSearch.Page page = search.find(query);
    List<IssueView> issues = new ArrayList<>(page.issues());
    // Who types a number most likely means that issue.
    query
        .text()
        .filter(text -> query.after().isEmpty() && ID.matcher(text).matches())
        .flatMap(text -> queries.look(Long.parseLong(text)))
        .ifPresent(
            issue -> {
              issues.removeIf(other -> other.id() == issue.id());
              issues.add(0, issue);
            });
    return WebResponse.json(
        new Json()
            .with("issues", issues.stream().map(JsonViews::issue).toList())
            .with("next", page.next().map(next -> text(next, query.sort())))
            .with("searched_until", page.searchedUntil()));
  }

  private static IssueSearch.Query query(Map<String, String> given) {
    List<IssueStatus> statuses =
        value(given, "status").stream()
            .flatMap(text -> Arrays.stream(text.split(",")))
            .map(word -> oneOf(IssueStatus.class, "status", word))
            .toList();
    IssueQueries.Sort sort =
        value(given, "sort")
            .map(word -> oneOf(IssueQueries.Sort.class, "sort", word))
            .orElse(IssueQueries.Sort.NEWEST);
    if (sort == IssueQueries.Sort.QUEUE && !List.of(IssueStatus.PENDING).containsAll(statuses)) {
      throw new IllegalArgumentException("sort queue: only pending issues are in the queue");
    }
    Optional<String> text = value(given, "q").map(String::strip).filter(word -> !word.isEmpty());
    if (text.filter(word -> word.length() > LONGEST_SEARCH).isPresent()) {
      throw new IllegalArgumentException(
          "q: at most %d characters can be searched for".formatted(LONGEST_SEARCH));
    }
    return new IssueSearch.Query(
        statuses,
        value(given, "worker").map(WorkerId::new),
        value(given, "priority").map(number -> small("priority", number)),
        text,
        sort,
        value(given, "after").map(DashboardApi::position),
        value(given, "limit")
            .map(number -> small("limit", number))
            .map(number -> Math.max(1, Math.min(number, MOST_ISSUES)))
            .orElse(USUAL_ISSUES));
  }

  private static IssueSearch.Position position(String text) {
    Matcher position = POSITION.matcher(text);
    if (!position.matches()) {
      throw new IllegalArgumentException("after: take it from next of the page before");
    }
    return new IssueSearch.Position(
        number("after", position.group(1), 19),
        Optional.ofNullable(position.group(2)).map(number -> small("after", number)).orElse(0),
        Optional.ofNullable(position.group(3)).orElse("-infinity"));
  }

  private static String text(IssueSearch.Position position, IssueQueries.Sort sort) {
    return sort == IssueQueries.Sort.QUEUE
        ? "%d~%d~%s".formatted(position.id(), position.priority(), position.runAfter())
        : Long.toString(position.id());
  }

  /** {@code /api/issues/ID} and {@code /api/issues/ID/output}. */
  WebResponse issue(WebRequest request) {
    Matcher path = ISSUE.matcher(request.path());
    if (!path.matches()) {
      return WebResponse.missing();
    }
    long id = Long.parseLong(path.group(1));
    if (path.group(2) == null) {
      return shared("issue " + id, () -> issue(id));
    }
    try {
      return output(id, request.query());
    } catch (IllegalArgumentException e) {
      return WebResponse.error(400, e.getMessage());
    }
  }

  private WebResponse issue(long id) {
    Optional<IssueView> issue = queries.find(id, LONGEST_DESCRIPTION);
    if (issue.isEmpty()) {
      return noIssue(id);
    }
    List<AttemptView> attempts = queries.attempts(id, MOST_ATTEMPTS);
    long all = attempts.size() < MOST_ATTEMPTS ? attempts.size() : queries.countAttempts(id);
    return WebResponse.json(
        new Json()
            .with("now", issue.get().now())
            .with("issue", JsonViews.issue(issue.get()).with("waiting", queries.whyWaiting(id)))
            .with("attempts", attempts.stream().map(JsonViews::attempt).toList())
            .with("more", all - attempts.size()));
  }

  static WebResponse noIssue(long id) {
    return WebResponse.error(404, "there is no issue " + id);
  }

  private WebResponse output(long id, Map<String, String> given) {
    long fence = number("fence", value(given, "fence").orElse(""), 19);
    long from = value(given, "from").map(text -> number("from", text, 19)).orElse(-1L);
    OptionalInt limit =
        value(given, "limit").stream()
            .mapToInt(text -> Math.max(1, small("limit", text)))
            .findAny();
    return inTrouble(
        () ->
            queries
                .attempt(id, fence)
                .map(attempt -> output(attempt, from, limit))
                .orElseGet(
                    () -> WebResponse.error(404, "issue %d has no such attempt".formatted(id))));
  }

  private WebResponse output(AttemptView attempt, long from, OptionalInt limit) {
    boolean ended = !attempt.running();
    Optional<Path> file =
        attempt
            .logFile()
            .filter(name -> attempt.host().equals(host))
            .flatMap(
                name ->
                    AttemptLog.find(name, attempt.issueId(), attempt.attempt(), attempt.fence()));
    if (file.isPresent()) {
      try (FileChannel open = FileChannel.open(file.get(), READ, NOFOLLOW_LINKS)) {
        if (file.get().toRealPath().startsWith(logs.toRealPath())) {
          OutputFile.Piece piece = OutputFile.read(open, from, limit, ended);
          return output("file", piece, ended && piece.to() >= piece.size());
        }
      } catch (IOException e) {
        // The kept end is all that can be had.
      }
    }
    String tail = attempt.outputTail().orElse("");
    int size = tail.getBytes(UTF_8).length;
    var piece = new OutputFile.Piece(0, size, size, tail);
    return output(ended && size > 0 ? "tail" : "none", piece, ended);
  }

  private static WebResponse output(String available, OutputFile.Piece piece, boolean ended) {
    return WebResponse.json(
        new Json()
            .with("available", available)
            .with("from", piece.from())
            .with("to", piece.to())
            .with("size", piece.size())
            .with("ended", ended)
            .with("text", piece.text()));
  }

  private WebResponse shared(String name, Supplier<WebResponse> maker) {
    return answers.get(name, () -> inTrouble(maker));
  }

  /** The answer, or why the database gives none. */
  private WebResponse inTrouble(Supplier<WebResponse> maker) {
    Optional<String> trouble = snapshot.unavailable();
    if (trouble.isPresent()) {
      return WebResponse.error(503, trouble.get());
    }
    try {
      return maker.get();
    } catch (StoreException e) {
      return WebResponse.error(e.sqlState().startsWith("22") ? 400 : 503, e.getMessage());
    }
  }

  static Optional<String> value(Map<String, String> given, String name) {
    return Optional.ofNullable(given.get(name)).filter(value -> !value.isEmpty());
  }

  static long number(String name, String text, int digits) {
    try {
      if (text.matches("-?\\d{1,%d}".formatted(digits))) {
        return Long.parseLong(text);
      }
    } catch (NumberFormatException e) {
      // Refused below.
    }
    throw new IllegalArgumentException("%s: must be a whole number".formatted(name));
  }

  private static int small(String name, String text) {
    return Math.toIntExact(number(name, text, 9));
  }

  private static <E extends Enum<E>> E oneOf(Class<E> type, String name, String word) {
    return Arrays.stream(type.getEnumConstants())
        .filter(value -> value.name().toLowerCase(Locale.ROOT).equals(word))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("%s: there is no '%s'".formatted(name, word)));
  }
}
