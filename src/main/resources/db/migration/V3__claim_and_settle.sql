-- The two statements that every run needs, as functions: PostgreSQL plans a function's statements once
-- in a session, through a pooler, too, where a prepared statement would not outlive its transaction.
-- To plan them takes three times as long as to run them. A later version adds functions of other
-- names, so that a worker of this one goes on. The table may have columns of any other name: variables
-- begin with v_, and columns come first.
SET LOCAL client_min_messages = warning;

-- Into the schema of cape_issues.
DO $$
BEGIN
  PERFORM set_config('search_path', quote_ident(n.nspname) || ', ' || current_setting('search_path'), true)
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = to_regclass('cape_issues');
END
$$;

-- Takes the issue that has been due longest within the highest priority. One row comes back: with
-- run_id a claim, else with id an issue that was cancelled or mended instead, else why there was
-- none: a pause, and what falls due next.
CREATE OR REPLACE FUNCTION cape_claim_next(
    p_run uuid, p_worker text, p_instance uuid, p_host text, p_pid bigint, p_logs text, p_lease float8,
    OUT id bigint, OUT attempts integer, OUT fence bigint, OUT description text, OUT last_error text,
    OUT run_id uuid, OUT left_s float8, OUT reason text, OUT due_ids bigint[], OUT due_s float8[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_few constant integer := 64;
  v_passed integer := 0;
  v_tried integer;
  v_since timestamptz;
  v_first bigint;
  v_mine bigint;
  v_cancelled boolean;
BEGIN
  SELECT coalesce(extract(epoch FROM nullif(paused_until, 'infinity') - now())::float8, 'infinity'), p.reason
    INTO left_s, reason
    FROM cape_pauses p
   WHERE scope IN ('*', p_worker) AND coalesce(paused_until > now(), true)
   ORDER BY paused_until DESC NULLS FIRST
   LIMIT 1;
  IF NOT FOUND THEN
    -- The issue whose turn it is, and then the next one where another claims that just now. Each is
    -- locked alone, for a statement that looks through the queue knows it as it was when it began:
    -- among many claimers it walks, and locks, behind all that was claimed since. Only what nobody
    -- claims so fast, rows that somebody else holds or a trigger refuses, is looked through at once.
    -- One priority after the other: what waits within a higher one is not walked past.
    SELECT priority, run_after, i.id INTO v_tried, v_since, v_first FROM cape_issues i
     WHERE status = 'pending' ORDER BY priority DESC, run_after, i.id LIMIT 1;
    IF v_tried IS NULL AND v_first IS NOT NULL THEN
      -- A column that was there before V1 may hold none, which sorts before all. It counts as 0.
      BEGIN
        UPDATE cape_issues SET priority = 0
         WHERE id IN (SELECT i.id FROM cape_issues i WHERE status = 'pending' AND priority IS NULL
                       LIMIT 1000 FOR UPDATE SKIP LOCKED);
      EXCEPTION
        WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
          RAISE WARNING 'cape_issues without a priority cannot be claimed: %', SQLERRM;
      END;
      SELECT priority, run_after, i.id INTO v_tried, v_since, v_first FROM cape_issues i
       WHERE status = 'pending' AND priority IS NOT NULL ORDER BY priority DESC, run_after, i.id LIMIT 1;
    END IF;
    WHILE v_tried IS NOT NULL LOOP
      IF v_since <= now() THEN
        -- Lock and update in one subtransaction: in two they would need a multixact.
        BEGIN
          IF v_passed < v_few THEN
            -- By its id: a range of the index that ends within one run_after is read to the end of that.
            SELECT i.id, cancel_requested_at IS NOT NULL INTO v_mine, v_cancelled
              FROM cape_issues i
             WHERE i.id = v_first AND status = 'pending' AND run_after <= now()
               AND NOT EXISTS (SELECT FROM cape_issue_attempts a
                                WHERE a.issue_id = i.id AND a.outcome = 'running')
               AND greatest(i.fence, 0, (SELECT max(a.fence) FROM cape_issue_attempts a
                                          WHERE a.issue_id = i.id))
                   < CASE pg_typeof(i.fence) WHEN 'integer'::regtype THEN 2147483647
                                             ELSE 9223372036854775807 END
               FOR UPDATE SKIP LOCKED;
          ELSE
            SELECT run_after, i.id, cancel_requested_at IS NOT NULL INTO v_since, v_mine, v_cancelled
              FROM cape_issues i
             WHERE status = 'pending' AND priority = v_tried AND run_after <= now()
               AND (run_after, i.id) >= (v_since, v_first)
               AND NOT EXISTS (SELECT FROM cape_issue_attempts a
                                WHERE a.issue_id = i.id AND a.outcome = 'running')
               AND greatest(i.fence, 0, (SELECT max(a.fence) FROM cape_issue_attempts a
                                          WHERE a.issue_id = i.id))
                   < CASE pg_typeof(i.fence) WHEN 'integer'::regtype THEN 2147483647
                                             ELSE 9223372036854775807 END
             ORDER BY run_after, i.id
             LIMIT 1
               FOR UPDATE SKIP LOCKED;
            v_first := v_mine;
          END IF;
          IF v_cancelled THEN
            UPDATE cape_issues i SET status = 'cancelled', updated_at = now(), completed_at = NULL
             WHERE i.id = v_mine;
            id := v_mine;
            RETURN;
          ELSIF v_mine IS NOT NULL THEN
            -- A fence above every attempt's keeps "never used twice" even where the column was edited, or
            -- the issue deleted and inserted again under its id.
            UPDATE cape_issues i
               SET status = 'started', assigned_worker_id = p_worker,
                   attempts = least(coalesce(i.attempts, 0), 2147483646) + 1,
                   fence = 1 + greatest(i.fence, 0, (SELECT max(a.fence) FROM cape_issue_attempts a
                                                   WHERE a.issue_id = i.id)),
                   started_at = now(), updated_at = now(), completed_at = NULL
             WHERE i.id = v_mine
            RETURNING i.attempts, i.fence, i.description, i.last_error
                 INTO attempts, fence, description, last_error;
            INSERT INTO cape_issue_attempts
                   (issue_id, attempt, fence, run_id, worker_id, instance, host, pid, log_file,
                    lease_expires_at)
            VALUES (v_mine, cape_claim_next.attempts, cape_claim_next.fence, p_run, p_worker, p_instance,
                    p_host, p_pid,
                    format('%s/%s/attempt-%s-%s.log', p_logs, v_mine, cape_claim_next.attempts,
                           cape_claim_next.fence),
                    now() + make_interval(secs => p_lease));
            id := v_mine;
            run_id := p_run;
            RETURN;
          END IF;
        EXCEPTION
          WHEN unique_violation THEN
            NULL; -- An edit made a running issue pending between the look and the claim.
          WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
            -- An edited row, or a trigger of others, must not stand in the way of the rest.
            RAISE WARNING 'cape_issues % cannot be claimed: %', v_mine, SQLERRM;
        END;
        SELECT run_after, i.id INTO v_since, v_first FROM cape_issues i
         WHERE status = 'pending' AND priority = v_tried AND run_after <= now()
           AND (run_after, i.id) > (v_since, v_first)
         ORDER BY run_after, i.id LIMIT 1;
        v_passed := v_passed + 1;
        CONTINUE WHEN FOUND;
      END IF;
      SELECT priority, run_after, i.id INTO v_tried, v_since, v_first FROM cape_issues i
       WHERE status = 'pending' AND priority < v_tried ORDER BY priority DESC, run_after, i.id LIMIT 1;
    END LOOP;
    -- Without a time it counts as due. Whoever looks again finds it.
    BEGIN
      UPDATE cape_issues i SET run_after = now()
       WHERE i.id = (SELECT i.id FROM cape_issues i WHERE status = 'pending' AND run_after IS NULL
                      LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING CASE WHEN run_after IS NOT NULL THEN i.id END INTO id;
    EXCEPTION
      WHEN integrity_constraint_violation OR data_exception OR raise_exception THEN
        RAISE WARNING 'cape_issues without run_after cannot be claimed: %', SQLERRM;
    END;
    IF cape_claim_next.id IS NOT NULL THEN
      RETURN;
    END IF;
  END IF;

  SELECT array_agg(coming.id::bigint), array_agg(extract(epoch FROM run_after - now())::float8)
    INTO due_ids, due_s
    FROM (SELECT i.id, run_after FROM cape_issues i
           WHERE status = 'pending' AND run_after > now() AND run_after < 'infinity'
           ORDER BY run_after, i.id
           LIMIT 32) AS coming;
END
$$;

-- Writes how an attempt ended, and what becomes of its issue while the issue's fence is the attempt's
-- own. No row when the attempt is not running any more; paid work counts, so a completed one is taken
-- after a rescue, too, as long as nobody claimed the issue again. A row without a status when the
-- issue was left alone.
CREATE OR REPLACE FUNCTION cape_settle_attempt(
    p_run uuid, p_outcome text, p_exit integer, p_signal integer, p_error text, p_tail text,
    p_status text, p_counted boolean, p_backoff float8, p_pause float8)
RETURNS TABLE (status text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  v_attempt record;
  v_becomes text;
BEGIN
  UPDATE cape_issue_attempts a
     SET outcome = p_outcome, finished_at = now(), exit_code = p_exit, signal = p_signal, error = p_error,
         output_tail = p_tail
   WHERE a.run_id = p_run
     AND (outcome = 'running'
          OR outcome = 'lost' AND p_status = 'completed'
             AND EXISTS (SELECT FROM cape_issues i WHERE i.id = a.issue_id AND i.fence = a.fence))
  RETURNING a.issue_id, a.fence, a.worker_id, a.started_at INTO v_attempt;
  IF NOT FOUND THEN
    RETURN;
  END IF;

  -- The issue's row is locked before it is judged: a cancel or an edit that commits meanwhile counts.
  SELECT CASE WHEN p_status = 'pending' AND cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE p_status END
    INTO v_becomes
    FROM cape_issues i
   WHERE i.id = v_attempt.issue_id AND i.fence = v_attempt.fence
     FOR UPDATE;
  IF FOUND THEN
    UPDATE cape_issues i
       SET status = v_becomes,
           updated_at = now(),
           completed_at = CASE WHEN v_becomes = 'completed' THEN now() END,
           assigned_worker_id = CASE WHEN v_becomes <> 'pending'
                                     THEN coalesce(assigned_worker_id, v_attempt.worker_id) END,
           started_at = CASE WHEN v_becomes <> 'pending'
                             THEN coalesce(i.started_at, v_attempt.started_at) END,
           cancel_requested_at = CASE WHEN v_becomes = 'cancelled' THEN cancel_requested_at END,
           attempts = CASE WHEN p_counted OR v_becomes = 'cancelled' THEN attempts
                           ELSE greatest(attempts - 1, 0) END,
           run_after = CASE WHEN v_becomes = 'pending'
                            THEN coalesce(now() + make_interval(secs => nullif(p_backoff, -1)), run_after)
                            ELSE run_after END,
           last_error = p_error
     WHERE i.id = v_attempt.issue_id;
  END IF;

  IF p_pause > 0 THEN
    INSERT INTO cape_pauses AS p (scope, paused_until, reason)
    VALUES ('*', now() + make_interval(secs => p_pause), split_part(p_error, E'\n', 1))
    ON CONFLICT (scope) DO UPDATE
       SET paused_until = excluded.paused_until, reason = excluded.reason, created_at = now()
     WHERE p.paused_until < excluded.paused_until;
  END IF;

  status := v_becomes;
  RETURN NEXT;
END
$$;
