package com.cape.worker.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.issue.Outcome;
import com.cape.worker.store.pause.Pause;
import com.cape.worker.store.pause.PauseOrder;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.store.read.AttemptView;
import com.cape.worker.store.read.IssueView;
import com.cape.worker.store.read.Overview;
import com.cape.worker.store.read.RefusedWrite;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Scripts read these names: a component of a record that is renamed has to keep its own. */
class JsonViewsTest {
  private static final Instant NOW = Instant.parse("2026-11-24T09:30:00Z");
  private static final Optional<Instant> AT = Optional.of(NOW);
  private static final Optional<String> TEXT = Optional.of("x");

  @Test
  void issueHasTheNamesThatScriptsRead() {
    var issue =
        new IssueView(
            NOW, 7, "pending", "d", 1, 2, 3, 4, TEXT, AT, AT, AT, AT, AT, AT, TEXT, false);
    assertEquals(
        ("{'id':7,'status':'pending','description':'d','description_length':1,'priority':2,"
                + "'attempts':3,'fence':4,'worker':'x','run_after':T,'created_at':T,'updated_at':T,"
                + "'started_at':T,'completed_at':T,'cancel_requested_at':T,'last_error':'x',"
                + "'running':false}")
            .replace('\'', '"'),
        timeless(JsonViews.issue(issue).toString()));
  }

  @Test
  void attemptHasTheNamesThatScriptsRead() {
    Optional<Integer> none = Optional.empty();
    var attempt =
        new AttemptView(
            7,
            1,
            2,
            new UUID(0, 1),
            "w",
            "h",
            3,
            NOW,
            NOW,
            AT,
            Outcome.TIMED_OUT,
            none,
            none,
            TEXT,
            TEXT,
            TEXT,
            AT,
            2);
    assertEquals(
        ("{'attempt':1,'fence':2,'run_id':'00000000-0000-0000-0000-000000000001','worker':'w',"
                + "'host':'h','pid':3,'started_at':T,'lease_expires_at':T,'finished_at':T,"
                + "'outcome':'timed_out','exit_code':null,'signal':null,'error':'x',"
                + "'output_tail':'x','log_file':'x','adopted_at':T,'adoptions':2}")
            .replace('\'', '"'),
        timeless(JsonViews.attempt(attempt).toString()));
  }

  @Test
  void overviewHasTheNamesThatScriptsRead() {
    var run = new Overview.Run(7, 1, NOW, NOW);
    var worker =
        new Overview.Worker("w", "h", 3, "1", "idle", true, NOW, NOW, 300, 2, true, List.of(run));
    var overview =
        new Overview(
            NOW,
            new Overview.Counts(1, 0, 3, 4, 0, 6, 7, 8, 9),
            AT,
            AT,
            List.of(worker),
            List.of(
                new Pause(
                    NOW,
                    new PauseScope("x"),
                    PauseOrder.Kind.LIMIT,
                    Pause.Phase.PAUSED,
                    AT,
                    TEXT,
                    NOW,
                    Optional.of(7L),
                    TEXT)),
            List.of(new RefusedWrite(NOW, 7, "started", "e", AT, 2)),
            Duration.ZERO);
    assertEquals(
        ("{'now':T,'issues':{'pending':1,'due':0,'retrying':3,'started':4,'unowned':0,'failed':6,"
                + "'cancelled':7,'completed_last_hour':8,'completed_last_day':9},"
                + "'oldest_due_since':T,'last_claim_at':T,'workers':[{'id':'w','host':'h','pid':3,"
                + "'version':'1','state':'idle','alive':true,'started_at':T,'heartbeat_at':T,"
                + "'lease_seconds':300,'free_slots':2,'listening':true,'runs':[{'issue_id':7,"
                + "'attempt':1,'started_at':T,'seconds':0.0,'lease_expires_at':T,"
                + "'lease_margin_seconds':0.0}]}],'pauses':[{'worker':'x','account':null,'kind':'limit','phase':'paused','until':T,"
                + "'reason':'x','since':T,'issue_id':7,'line':'x'}],'refusals':[{'issue_id':7,'status':'started','error':'e',"
                + "'retry_at':T,'tries':2}],'warnings':['issue 7: cannot be claimed: e; tried again"
                + " soon']}")
            .replace('\'', '"'),
        timeless(JsonViews.overview(overview).toString()));
  }

  private static String timeless(String json) {
    return json.replace("\"" + NOW + "\"", "T");
  }
}
