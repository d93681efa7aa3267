package com.cape.worker.store.queue;

import com.cape.worker.store.Database;
import java.sql.SQLException;
import java.util.OptionalLong;

/**
 * The statements of one try to claim.
 *
 * @param probes whether a pause that ends by itself may let one run through
 */
record ClaimForm(boolean probes, String claim) {
  private static final String UNPAUSED =
      """
      NOT EXISTS (SELECT FROM cape_pauses
                  WHERE scope::text IN ('*', ?::text, ?::text) AND (kind <> 'asked' OR coalesce(paused_until > now(), true)))
      """
          .strip();
  private static final String ALLOWED =
      """
      NOT EXISTS (SELECT FROM cape_pause_phases
                  WHERE scope::text IN ('*', ?::text, ?::text) AND phase IN ('paused', 'probing', 'full'))
      """
          .strip();

  static final ClaimForm PLAIN =
      new ClaimForm(false, IssueRepository.CLAIM.formatted(UNPAUSED, "true"));
  static final ClaimForm PROBING =
      new ClaimForm(true, IssueRepository.CLAIM.formatted(ALLOWED, "true"));

  // What is over goes. The rows stay locked until the claim is noted in them: one probe in all.
  private static final String LOCK_PAUSES =
      """
      DELETE FROM cape_pauses p USING cape_pause_phases f
       WHERE f.scope = p.scope AND f.phase = 'over' AND p.kind <> 'asked' AND p.scope IN (?::text, ?::text)
      RETURNING p.scope;
      SELECT scope FROM cape_pauses WHERE scope IN (?::text, ?::text) ORDER BY scope FOR UPDATE;
      """;

  private static final String NOTE_CLAIM =
      """
      ;
      UPDATE cape_pauses p
         SET probe_run = CASE f.phase WHEN 'probe' THEN a.run_id ELSE p.probe_run END,
             ramp_turn = coalesce(f.turn, 0),
             ramp_claims = CASE WHEN f.phase = 'ramp' AND p.ramp_turn = f.turn THEN p.ramp_claims + 1
                                WHEN f.phase = 'ramp' THEN 1 ELSE 0 END
        FROM cape_pause_phases f, cape_issue_attempts a
       WHERE p.scope IN (?::text, ?::text) AND f.scope = p.scope AND f.phase IN ('probe', 'ramp')
         AND a.run_id = ? AND a.outcome = 'running'
      """;

  /** For the issue whose id is bound, too. */
  ClaimForm ofOne() {
    return new ClaimForm(probes, claim.replace(" AND true", " AND due.id = ?::bigint"));
  }

  /** For an issue whose bytes are no text. */
  ClaimForm unread() {
    return new ClaimForm(
        probes,
        claim.replace(
            "size, description, last_error", "size, NULL AS description, NULL AS last_error"));
  }

  String sql() {
    return probes ? LOCK_PAUSES + claim + NOTE_CLAIM : claim;
  }

  void bind(Database.Binding bind, ClaimRequest request, OptionalLong issueId) throws SQLException {
    if (!probes) {
      request.bind(bind, issueId);
      return;
    }
    request.bindScopes(bind);
    request.bindScopes(bind);
    request.bind(bind, issueId);
    request.bindScopes(bind);
    bind.uuid(request.runId());
  }

  /** Reads what stands before the answer of the claim itself. */
  void skip(Database.Answers answers) throws SQLException {
    if (probes) {
      answers.next(row -> true);
      answers.next(row -> true);
    }
  }
}
