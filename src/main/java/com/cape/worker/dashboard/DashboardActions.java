package com.cape.worker.dashboard;

import static java.util.Objects.requireNonNull;

import com.cape.worker.http.Json;
import com.cape.worker.http.Times;
import com.cape.worker.http.WebRequest;
import com.cape.worker.http.WebResponse;
import com.cape.worker.http.WebServer;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.operator.ChangeResult;
import com.cape.worker.store.operator.OperatorRepository;
import com.cape.worker.store.pause.Pause;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.text.PlainText;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What people change by the page; the same as the commands do. */
final class DashboardActions {
  private static final Pattern OF_ISSUE =
      Pattern.compile("/api/issues/([1-9]\\d{0,17})/(retry|cancel)");
  private static final int LONGEST_PAUSE_MINUTES = 366 * 24 * 60;
  private static final int LONGEST_REASON = 1000;

  private final OperatorRepository issues;
  private final PauseRepository pauses;
  private final Snapshot snapshot;
  private final KeptAnswers answers;

  DashboardActions(Database database, Snapshot snapshot, KeptAnswers answers) {
    this.issues = new OperatorRepository(database);
    this.pauses = new PauseRepository(database);
    this.snapshot = requireNonNull(snapshot);
    this.answers = requireNonNull(answers);
  }

  Map<String, WebServer.Handler> routes() {
    return Map.of(
        "POST /api/submit", request -> change(request, this::submit),
        "POST /api/pause", request -> change(request, this::pause),
        "POST /api/resume", request -> change(request, this::resume),
        "POST /api/issues/", this::changeIssue);
  }

  private WebResponse changeIssue(WebRequest request) {
    Matcher path = OF_ISSUE.matcher(request.path());
    if (!path.matches()) {
      return WebResponse.missing();
    }
    long id = Long.parseLong(path.group(1));
    boolean retry = path.group(2).equals("retry");
    return change(
        request,
        form ->
            changed(
                id,
                retry
                    ? issues.retry(List.of(id), "true".equals(form.get("force")))
                    : issues.cancel(List.of(id))));
  }

  private static WebResponse changed(long id, Map<Long, ChangeResult> results) {
    ChangeResult result = results.get(id);
    if (result == ChangeResult.NOT_FOUND) {
      return DashboardApi.noIssue(id);
    }
    // The page has a button for what --force does.
    String text = result.text(id).replace("give --force", "take it back");
    return result.done() ? WebResponse.json(done(text)) : refused(text);
  }

  private WebResponse change(
      WebRequest request, Function<Map<String, String>, WebResponse> action) {
    try {
      return action.apply(request.form());
    } catch (IllegalArgumentException e) {
      return WebResponse.error(400, e.getMessage());
    } catch (StoreException e) {
      int status = e.kind() == StoreException.Kind.UNAVAILABLE ? 503 : 409;
      return WebResponse.error(status, e.getMessage());
    } finally {
      snapshot.forget();
      answers.forget();
    }
  }

  private WebResponse submit(Map<String, String> form) {
    String description = form.getOrDefault("description", "");
    if (description.isBlank()) {
      throw new IllegalArgumentException("the description is blank");
    }
    if (description.indexOf('\0') >= 0) {
      throw new IllegalArgumentException(
          "the description holds a NUL, which PostgreSQL cannot keep");
    }
    long priority = number(form, "priority").orElse(0L);
    if (priority < Short.MIN_VALUE || priority > Short.MAX_VALUE) {
      throw new IllegalArgumentException(
          "priority: must be from %d to %d".formatted(Short.MIN_VALUE, Short.MAX_VALUE));
    }
    long id =
        issues.submit(List.of(description.stripTrailing()), (int) priority, Duration.ZERO).get(0);
    return WebResponse.json(done("issue %d is submitted".formatted(id)).with("id", id));
  }

  private WebResponse pause(Map<String, String> form) {
    PauseScope scope = scope(form);
    Optional<String> unknown = unknown(scope);
    if (unknown.isPresent()) {
      return refused(unknown.get());
    }
    Optional<Duration> length = number(form, "minutes").map(DashboardActions::minutes);
    Optional<String> reason =
        DashboardApi.value(form, "reason").map(String::strip).filter(text -> !text.isEmpty());
    if (reason.filter(text -> text.length() > LONGEST_REASON).isPresent()) {
      throw new IllegalArgumentException("reason: at most %d characters".formatted(LONGEST_REASON));
    }
    Pause pause = pauses.pause(scope, length, reason);
    String end =
        pause.until().map(until -> "until " + Times.full(until)).orElse("until it is resumed");
    return WebResponse.json(done("%s is paused %s".formatted(scope, end)));
  }

  private static Duration minutes(long number) {
    if (number < 1 || number > LONGEST_PAUSE_MINUTES) {
      throw new IllegalArgumentException(
          "minutes: must be from 1 to %d; leave it out to pause until 'resume'"
              .formatted(LONGEST_PAUSE_MINUTES));
    }
    return Duration.ofMinutes(number);
  }

  private WebResponse resume(Map<String, String> form) {
    PauseScope scope = scope(form);
    return pauses.resume(scope).isPresent()
        ? WebResponse.json(done(scope + " is resumed"))
        : refused(unknown(scope).orElse(scope + " was not paused"));
  }

  private static Optional<Long> number(Map<String, String> form, String name) {
    return DashboardApi.value(form, name).map(text -> DashboardApi.number(name, text.strip(), 9));
  }

  private static PauseScope scope(Map<String, String> form) {
    return DashboardApi.value(form, "worker")
        .map(WorkerId::new)
        .map(PauseScope::worker)
        .or(() -> DashboardApi.value(form, "account").map(PauseScope::account))
        .orElse(PauseScope.FLEET);
  }

  private Optional<String> unknown(PauseScope scope) {
    return scope
        .worker()
        .filter(id -> !pauses.workerIds().contains(id))
        .map("no worker '%s' has ever registered"::formatted)
        .or(
            () ->
                scope
                    .account()
                    .filter(name -> !pauses.accounts().contains(name))
                    .map("no account '%s' is any worker's"::formatted));
  }

  private static Json done(String message) {
    return new Json().with("done", true).with("message", message);
  }

  private static WebResponse refused(String message) {
    return WebResponse.error(409, PlainText.line(message));
  }
}
