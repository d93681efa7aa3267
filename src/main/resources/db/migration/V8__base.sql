-- Takes over any form of cape_issues in use, the forms of versions 1 to 5 included, or creates it. Every
-- statement may run twice. The migrator writes the schema of cape_issues, quoted, in the place of ${schema}, and
-- sets the search path to pg_catalog: no operator or function that another role has put there is used.
SET LOCAL client_min_messages = warning;
-- Columns without a time zone are UTC.
SET LOCAL TimeZone = 'UTC';

CREATE TABLE IF NOT EXISTS ${schema}.cape_issues (
    id SERIAL PRIMARY KEY,
    description TEXT NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'pending',
    assigned_worker_id VARCHAR(100),
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    started_at TIMESTAMP,
    completed_at TIMESTAMP
);

-- Of the worker's own tables. One that another role has put there could run that role's code in the worker's name.
DO $$
DECLARE
  planted text := (SELECT string_agg(c.relname, ', ')
                     FROM pg_class c, pg_class issues
                    WHERE issues.oid = '${schema}.cape_issues'::regclass AND c.relnamespace = issues.relnamespace
                      AND c.relname IN ('cape_issue_attempts', 'cape_workers', 'cape_pauses', 'cape_refusals', 'cape_due_issues')
                      AND c.relowner <> issues.relowner AND pg_get_userbyid(c.relowner) <> current_user
                      AND NOT (SELECT rolsuper FROM pg_roles r WHERE r.oid = c.relowner));
BEGIN
  IF planted IS NOT NULL THEN
    RAISE EXCEPTION 'another role than the owner of cape_issues owns %', planted USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF (SELECT relkind NOT IN ('r', 'p') FROM pg_class WHERE oid = '${schema}.cape_issues'::regclass) THEN
    RAISE EXCEPTION 'cape_issues is no table' USING ERRCODE = 'wrong_object_type';
  END IF;
END
$$;

CREATE TABLE IF NOT EXISTS ${schema}.cape_issue_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issue_id bigint NOT NULL,
    attempt integer NOT NULL,
    fence bigint NOT NULL,
    run_id uuid NOT NULL UNIQUE,
    worker_id varchar(100) NOT NULL,
    instance uuid NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    lease_expires_at timestamptz NOT NULL,
    finished_at timestamptz,
    outcome text NOT NULL DEFAULT 'running' CHECK (outcome IN (
        'running', 'completed', 'failed', 'timed_out', 'output_limit', 'cancelled', 'interrupted',
        'throttled', 'not_started', 'lost')),
    exit_code integer,
    signal integer,
    error text,
    output_tail text,
    log_file text
) WITH (fillfactor = 70);

CREATE TABLE IF NOT EXISTS ${schema}.cape_workers (
    worker_id varchar(100) PRIMARY KEY,
    instance uuid NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    version text NOT NULL,
    state text NOT NULL CHECK (state IN ('idle', 'working', 'draining', 'paused', 'stopped')),
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);

-- scope: '*' for the whole fleet, 'account:NAME', else a worker id. Without an end a pause lasts until it is lifted.
CREATE TABLE IF NOT EXISTS ${schema}.cape_pauses (
    scope varchar(100) PRIMARY KEY,
    paused_until timestamptz,
    reason text,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What cape_issues does not take: a trigger, a constraint or somebody's open transaction stands in the way.
-- status 'started': a claim, tried again after retry_at. Any other status: the end of an attempt, which the workers
-- write into the issue as soon as it is taken; the attempt itself is closed.
CREATE TABLE IF NOT EXISTS ${schema}.cape_refusals (
    issue_id bigint PRIMARY KEY,
    fence bigint NOT NULL,
    status text NOT NULL,
    counted boolean NOT NULL DEFAULT true,
    rescue boolean NOT NULL DEFAULT false,
    run_after timestamptz,
    last_error text,
    error text NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT now(),
    retry_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 1
);

-- At once at their full strength: locks that grow on the way deadlock with a running worker.
LOCK TABLE ${schema}.cape_issues, ${schema}.cape_issue_attempts IN ACCESS EXCLUSIVE MODE;
LOCK TABLE ${schema}.cape_pauses IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE ${schema}.cape_workers IN ACCESS EXCLUSIVE MODE;

-- A column that exists has to hold what the worker writes into it.
DO $$
DECLARE
  needed record;
  found text;
BEGIN
  FOR needed IN
    SELECT * FROM (VALUES
      ('id', true, '{int4,int8}'::text[]),
      ('description', true, '{text,varchar}'),
      ('status', true, '{text,varchar}'),
      ('assigned_worker_id', false, '{text,varchar}'),
      ('created_at', false, '{timestamp,timestamptz,date}'),
      ('updated_at', false, '{timestamp,timestamptz}'),
      ('started_at', false, '{timestamp,timestamptz}'),
      ('completed_at', false, '{timestamp,timestamptz}'),
      ('priority', false, '{int2,int4,int8}'),
      ('run_after', false, '{timestamptz}'),
      ('attempts', false, '{int4,int8}'),
      ('fence', false, '{int4,int8}'),
      ('cancel_requested_at', false, '{timestamp,timestamptz}'),
      ('last_error', false, '{text}')) AS n (name, required, types)
  LOOP
    found := (SELECT t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
               WHERE a.attrelid = '${schema}.cape_issues'::regclass AND a.attname = needed.name AND NOT a.attisdropped);
    IF found IS NULL AND needed.required THEN
      RAISE EXCEPTION 'cape_issues has no column %', needed.name USING ERRCODE = 'undefined_column';
    END IF;
    IF found <> ALL (needed.types) THEN
      RAISE EXCEPTION 'cape_issues.% is of type %; the worker needs %',
            needed.name, found, array_to_string(needed.types, ' or ') USING ERRCODE = 'datatype_mismatch';
    END IF;
  END LOOP;
END
$$;

-- The order of pending rows that exist; where the columns were there and hold nothing, they are due with priority 0.
-- Triggers are off for it, so that updated_at keeps its value.
DO $$
DECLARE
  before text[] := ARRAY(SELECT format('%s TRIGGER %I', CASE tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, tgname)
                           FROM pg_trigger
                          WHERE tgrelid = '${schema}.cape_issues'::regclass AND NOT tgisinternal AND tgenabled IN ('O', 'A'));
  is_new boolean := NOT EXISTS (SELECT FROM pg_attribute
                                 WHERE attrelid = '${schema}.cape_issues'::regclass AND attname = 'run_after' AND NOT attisdropped);
  change text;
BEGIN
  ALTER TABLE ${schema}.cape_issues
      ADD COLUMN IF NOT EXISTS assigned_worker_id VARCHAR(100),
      ADD COLUMN IF NOT EXISTS created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
      ADD COLUMN IF NOT EXISTS updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
      ADD COLUMN IF NOT EXISTS started_at TIMESTAMP,
      ADD COLUMN IF NOT EXISTS completed_at TIMESTAMP,
      ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0,
      ADD COLUMN IF NOT EXISTS run_after timestamptz NOT NULL DEFAULT now(),
      ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0,
      ADD COLUMN IF NOT EXISTS fence bigint NOT NULL DEFAULT 0,
      ADD COLUMN IF NOT EXISTS cancel_requested_at timestamptz,
      ADD COLUMN IF NOT EXISTS last_error text;
  IF NOT is_new AND NOT EXISTS (SELECT FROM ${schema}.cape_issues
                                 WHERE status::text = 'pending' AND (run_after IS NULL OR priority IS NULL)) THEN
    RETURN;
  END IF;
  FOREACH change IN ARRAY before LOOP
    EXECUTE 'ALTER TABLE ${schema}.cape_issues ' || regexp_replace(change, '^ENABLE( ALWAYS)?', 'DISABLE');
  END LOOP;
  UPDATE ${schema}.cape_issues
     SET run_after = CASE WHEN is_new OR run_after IS NULL THEN least(coalesce(created_at, now()), now()) ELSE run_after END,
         priority = coalesce(priority, 0)
   WHERE status::text = 'pending' AND (is_new OR run_after IS NULL OR priority IS NULL);
  FOREACH change IN ARRAY before LOOP
    EXECUTE 'ALTER TABLE ${schema}.cape_issues ' || change;
  END LOOP;
END
$$;

-- A CHECK with status in it is widened when it forbids one of the two states that are new, whatever
-- the other columns hold.
DO $$
DECLARE
  narrow record;
  allows boolean;
BEGIN
  FOR narrow IN
    SELECT c.conname, c.convalidated, c.connoinherit, pg_get_expr(c.conbin, c.conrelid) AS expression,
           (SELECT string_agg(
                     CASE WHEN o.attname = 'status' THEN 's.status'
                          ELSE format('NULL::%s AS %I', format_type(o.atttypid, o.atttypmod), o.attname) END, ', ')
              FROM pg_attribute o WHERE o.attrelid = c.conrelid AND o.attnum = ANY (c.conkey)) AS columns
      FROM pg_constraint c
      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attname = 'status'
     WHERE c.conrelid = '${schema}.cape_issues'::regclass AND c.contype = 'c' AND a.attnum = ANY (c.conkey)
  LOOP
    EXECUTE format('SELECT bool_and(coalesce(%s, true)) FROM '
                   '(SELECT %s FROM (VALUES (''failed''::text), (''cancelled'')) AS s (status)) AS t',
                   narrow.expression, narrow.columns) INTO allows;
    IF NOT allows THEN
      EXECUTE format('ALTER TABLE ${schema}.cape_issues DROP CONSTRAINT %I', narrow.conname);
      EXECUTE format('ALTER TABLE ${schema}.cape_issues ADD CONSTRAINT %I CHECK ((%s) OR status::text IN (''failed'', ''cancelled''))%s%s',
                     narrow.conname, narrow.expression,
                     CASE WHEN narrow.connoinherit THEN ' NO INHERIT' ELSE '' END,
                     CASE WHEN narrow.convalidated THEN '' ELSE ' NOT VALID' END);
    END IF;
  END LOOP;
END
$$;

-- drain_requested_for: the instance that is to drain. With drain_restart it exits with 75 and its service
-- manager starts it again; otherwise it exits with 0. With drain_hand_over it leaves its runs to that next process.
-- lease_seconds: how old a heartbeat may be for the worker to count as alive.
ALTER TABLE ${schema}.cape_workers
    ADD COLUMN IF NOT EXISTS listener_up boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS free_slots integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS drain_requested_for uuid,
    ADD COLUMN IF NOT EXISTS drain_restart boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS drain_hand_over boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS lease_seconds integer NOT NULL DEFAULT 300,
    DROP CONSTRAINT IF EXISTS cape_workers_state_check,
    ADD CONSTRAINT cape_workers_state_check
        CHECK (state IN ('idle', 'working', 'draining', 'handing_over', 'paused', 'stopped'));

-- How often, and when last, a later process of the same worker took the running attempt over; the provider account
-- whose limits its run meets.
ALTER TABLE ${schema}.cape_issue_attempts
    ADD COLUMN IF NOT EXISTS adopted_at timestamptz,
    ADD COLUMN IF NOT EXISTS adoptions integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS account varchar(100) NOT NULL DEFAULT 'default';
ALTER TABLE ${schema}.cape_workers ADD COLUMN IF NOT EXISTS account varchar(100) NOT NULL DEFAULT 'default';

-- Rows that exist are not looked at again: there may be millions.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = '${schema}.cape_issue_attempts'::regclass
                    AND conname = 'cape_issue_attempts_outcome_check' AND pg_get_constraintdef(oid) LIKE '%overloaded%') THEN
    ALTER TABLE ${schema}.cape_issue_attempts
        DROP CONSTRAINT IF EXISTS cape_issue_attempts_outcome_check,
        ADD CONSTRAINT cape_issue_attempts_outcome_check CHECK (outcome IN (
          'running', 'completed', 'failed', 'timed_out', 'output_limit', 'cancelled', 'interrupted', 'throttled',
          'overloaded', 'refused', 'not_started', 'lost')) NOT VALID;
  END IF;
END
$$;

-- kind: asked (by a person or an earlier version), limit, spend, login, failing (each run fails at once), or broken
-- (each run fails, those of other workers do not). All but the first recover: when paused_until has passed, one run is
-- the probe; one that proves enough ends the pause, for an account over a ramp of ramp_step each. failures: how often
-- in a row the pause was found to hold still. issue_id, line: what it was read from.
DROP VIEW IF EXISTS ${schema}.cape_pause_phases;
ALTER TABLE ${schema}.cape_pauses
    ALTER COLUMN scope TYPE text,
    ADD COLUMN IF NOT EXISTS kind text NOT NULL DEFAULT 'asked',
    ADD COLUMN IF NOT EXISTS failures integer NOT NULL DEFAULT 1,
    ADD COLUMN IF NOT EXISTS issue_id bigint,
    ADD COLUMN IF NOT EXISTS line text,
    ADD COLUMN IF NOT EXISTS probe_run uuid,
    ADD COLUMN IF NOT EXISTS ramp_step interval NOT NULL DEFAULT '1 minute',
    ADD COLUMN IF NOT EXISTS ramp_turn integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS ramp_claims integer NOT NULL DEFAULT 0;

-- The order of claims, and what falls due next. What people ask for is found in a table of millions, too: an issue
-- is in one of the first two, or in those of the states.
CREATE INDEX IF NOT EXISTS cape_issues_claim_order ON ${schema}.cape_issues (priority DESC, run_after, id)
 WHERE status::text = 'pending';
CREATE INDEX IF NOT EXISTS cape_issues_due ON ${schema}.cape_issues (run_after, id) WHERE status::text = 'pending';
CREATE INDEX IF NOT EXISTS cape_issues_completed ON ${schema}.cape_issues (completed_at) WHERE status::text = 'completed';
CREATE INDEX IF NOT EXISTS cape_issues_other ON ${schema}.cape_issues (status, id)
 WHERE status::text <> 'pending' AND status::text <> 'completed';
CREATE INDEX IF NOT EXISTS cape_issues_worker ON ${schema}.cape_issues (assigned_worker_id, id)
 WHERE assigned_worker_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS cape_issue_attempts_running ON ${schema}.cape_issue_attempts (issue_id)
 WHERE outcome = 'running';
CREATE INDEX IF NOT EXISTS cape_issue_attempts_history ON ${schema}.cape_issue_attempts (issue_id, fence);

-- Small and always changing, so that a fifth of it is no measure; the history only grows.
ALTER TABLE ${schema}.cape_workers SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
ALTER TABLE ${schema}.cape_issue_attempts SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
                                     autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000);

-- A claim walks over the index entries of what was claimed before, until a vacuum removes them: 200,000 of them take
-- it 4 ms (docs/BENCHMARKS.md). By PostgreSQL's own settings that vacuum comes when a fifth of the table has changed,
-- and may leave the indexes as they are. What somebody has set for this table stays; partitions are their owner's.
DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT s.name, s.value
      FROM pg_class c,
           (VALUES ('autovacuum_vacuum_scale_factor', '0.01'), ('autovacuum_vacuum_threshold', '1000'),
                   ('vacuum_index_cleanup', 'on')) AS s (name, value)
     WHERE c.oid = '${schema}.cape_issues'::regclass AND c.relkind = 'r'
       AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = s.name)
  LOOP
    EXECUTE format('ALTER TABLE ${schema}.cape_issues SET (%s = %s)', wanted.name, wanted.value);
  END LOOP;
END
$$;

-- Which issues may be claimed now, by whoever no pause holds. Only the columns that decide: those of a view cannot be
-- altered while it stands. OFFSET 0 has each row looked up by itself: a join would read all that runs, or ran lately.
DROP VIEW IF EXISTS ${schema}.cape_due_issues;
CREATE VIEW ${schema}.cape_due_issues AS
SELECT i.id, i.priority, i.run_after
  FROM ${schema}.cape_issues i
 WHERE i.status::text = 'pending' AND i.run_after <= now()
   AND NOT EXISTS (SELECT FROM ${schema}.cape_issue_attempts a
                    WHERE a.issue_id = i.id AND a.outcome = 'running' OFFSET 0)
   AND NOT EXISTS (SELECT FROM ${schema}.cape_refusals r
                    WHERE r.issue_id = i.id AND (r.status <> 'started' OR r.retry_at > now()) OFFSET 0);

-- What each pause allows now. phase: 'paused' and 'probing' allow no claim, 'probe' one, 'ramp' one more, 'full' none
-- until the next turn of the ramp; 'over' holds nobody. left_s: until the phase may change, at the latest.
-- A probe has proved enough when its run has completed. Where a failure shows early, living for two steps does, too.
CREATE VIEW ${schema}.cape_pause_phases AS
SELECT p.scope, p.kind, p.paused_until, p.reason, p.created_at, p.issue_id, p.line, p.probe_run, t.turn, f.phase,
       CASE f.phase WHEN 'paused' THEN coalesce(extract(epoch FROM nullif(p.paused_until, 'infinity') - now())::float8, 'infinity')
                    WHEN 'probing' THEN extract(epoch FROM r.started_at + 2::float8 * p.ramp_step - now())::float8
                    WHEN 'full' THEN extract(epoch FROM r.proved_at + (t.turn + 1)::float8 * p.ramp_step - now())::float8
                    ELSE 0 END AS left_s
  FROM ${schema}.cape_pauses p
  LEFT JOIN LATERAL (
    SELECT a.outcome, a.started_at,
           CASE WHEN a.outcome = 'completed' OR p.kind NOT IN ('login', 'broken')
                     AND coalesce(a.finished_at, now()) >= a.started_at + 2::float8 * p.ramp_step
                THEN least(coalesce(a.finished_at, 'infinity'), a.started_at + 2::float8 * p.ramp_step) END AS proved_at
      FROM ${schema}.cape_issue_attempts a WHERE a.run_id = p.probe_run OFFSET 0) AS r ON true
 CROSS JOIN LATERAL (
    SELECT floor(extract(epoch FROM now() - r.proved_at) / extract(epoch FROM p.ramp_step))::integer AS turn) AS t
 CROSS JOIN LATERAL (
    SELECT CASE WHEN coalesce(p.paused_until > now(), true) THEN 'paused'
                WHEN p.kind = 'asked' THEN 'over'
                WHEN r.proved_at IS NULL THEN CASE WHEN r.outcome = 'running' THEN 'probing' ELSE 'probe' END
                WHEN t.turn >= 10 OR p.scope NOT LIKE 'account:%' THEN 'over'
                WHEN p.ramp_turn = t.turn AND p.ramp_claims >= power(2::float8, t.turn::float8) THEN 'full'
                ELSE 'ramp' END AS phase) AS f;

-- Why a pending issue is not running now, in words; NULL for one that is not pending.
CREATE OR REPLACE FUNCTION ${schema}.cape_why_waiting(issue bigint) RETURNS text LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp AS $$
  WITH live AS (
    SELECT w.worker_id, w.account, w.free_slots FROM ${schema}.cape_workers w
     WHERE w.state NOT IN ('stopped', 'draining', 'handing_over')
       AND w.heartbeat_at > now() - make_interval(secs => w.lease_seconds)
  ), held AS (
    SELECT l.worker_id, l.free_slots, p.scope, p.reason, p.phase, p.paused_until
      FROM live l
      LEFT JOIN LATERAL (SELECT * FROM ${schema}.cape_pause_phases c
                          WHERE c.scope IN ('*', l.worker_id::text, 'account:' || l.account::text)
                            AND c.phase IN ('paused', 'probing', 'full')
                          ORDER BY c.left_s DESC LIMIT 1) AS p ON true
  ), soonest AS (
    SELECT * FROM held ORDER BY paused_until NULLS LAST, worker_id LIMIT 1
  )
  SELECT CASE
      WHEN EXISTS (SELECT FROM ${schema}.cape_issue_attempts a WHERE a.issue_id = i.id AND a.outcome = 'running')
        THEN 'an earlier run of it is not over yet'
      WHEN r.issue_id IS NOT NULL THEN 'the database refuses to change it: ' || r.error
      WHEN i.run_after > now() AND i.fence > 0
        THEN 'waits before its next attempt, until ' || to_char(i.run_after AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'
      WHEN i.run_after > now()
        THEN 'not to be run before ' || to_char(i.run_after AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC'
      WHEN NOT EXISTS (SELECT FROM live) THEN 'no worker is there'
      WHEN NOT EXISTS (SELECT FROM held WHERE scope IS NULL) THEN (
        SELECT CASE WHEN scope = '*' THEN 'the fleet' WHEN scope LIKE 'account:%' THEN replace(scope, 'account:', 'account ')
                    ELSE 'worker ' || scope END
            || CASE phase WHEN 'paused' THEN ' is paused' WHEN 'probing' THEN ' was paused; one run is probing'
                          ELSE ' was paused; the rate of claims grows again' END
            || coalesce(' until ' || to_char(nullif(paused_until, 'infinity') AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC', '')
            || coalesce(': ' || nullif(reason, ''), '') FROM soonest)
      WHEN NOT EXISTS (SELECT FROM held WHERE scope IS NULL AND free_slots > 0) THEN 'all slots are busy'
      ELSE 'is about to be claimed' END
    FROM ${schema}.cape_issues i
    LEFT JOIN ${schema}.cape_refusals r ON r.issue_id = i.id
   WHERE i.id = issue AND i.status::text = 'pending'
$$;

-- Row level security looks at the worker, not at the view's owner, where PostgreSQL knows how (15 and newer).
DO $$
BEGIN
  IF current_setting('server_version_num')::integer >= 150000 THEN
    ALTER VIEW ${schema}.cape_due_issues SET (security_invoker = true);
    ALTER VIEW ${schema}.cape_pause_phases SET (security_invoker = true);
  END IF;
END
$$;

-- A column that allows NULL may be given one by whoever inserts; then it counts as due with priority 0.
CREATE OR REPLACE FUNCTION ${schema}.cape_fill_order() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.priority := coalesce(NEW.priority, 0);
  NEW.run_after := coalesce(NEW.run_after, now());
  RETURN NEW;
END
$$;

-- Notifications to listening workers, on the channel cape_issues. A claim, a heartbeat and a final settle send none.
-- 'due COUNT ID': so many issues, the first of them ID. The id also keeps PostgreSQL from folding the notifications
-- of different issues in one transaction.
CREATE OR REPLACE FUNCTION ${schema}.cape_notify_inserted() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found record;
BEGIN
  SELECT count(*) AS pending, min(id) AS first,
         count(*) FILTER (WHERE run_after <= clock_timestamp()) AS due,
         min(id) FILTER (WHERE run_after <= clock_timestamp()) AS first_due
    INTO found
    FROM inserted WHERE status::text = 'pending';
  IF found.pending > 0 THEN
    PERFORM pg_notify('cape_issues',
                      format('due %s %s', greatest(found.due, 1), coalesce(found.first_due, found.first)));
  END IF;
  RETURN NULL;
END
$$;

-- 'due 1 ID', 'cancel ID', 'pause', 'worker ID': the argument says which.
CREATE OR REPLACE FUNCTION ${schema}.cape_notify_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_ARGV[0] IN ('due 1', 'cancel') THEN
    PERFORM pg_notify('cape_issues', TG_ARGV[0] || ' ' || NEW.id);
  ELSIF TG_ARGV[0] = 'worker' THEN
    PERFORM pg_notify('cape_issues', 'worker ' || NEW.worker_id);
  ELSE
    PERFORM pg_notify('cape_issues', TG_ARGV[0]);
  END IF;
  RETURN NULL;
END
$$;

DO $$
DECLARE
  wanted record;
BEGIN
  -- Earlier versions look at fewer columns.
  DROP TRIGGER IF EXISTS cape_notify_drain ON ${schema}.cape_workers;
  DROP TRIGGER IF EXISTS cape_notify_pause ON ${schema}.cape_pauses;
  FOR wanted IN
    SELECT * FROM (VALUES
      ('cape_issues', 'cape_fill_order',
       'BEFORE INSERT OR UPDATE ON %s FOR EACH ROW
        WHEN (NEW.priority IS NULL OR NEW.run_after IS NULL)
        EXECUTE FUNCTION ${schema}.cape_fill_order()'),
      ('cape_issues', 'cape_notify_inserted',
       'AFTER INSERT ON %s REFERENCING NEW TABLE AS inserted
        FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.cape_notify_inserted()'),
      ('cape_issues', 'cape_notify_due',
       'AFTER UPDATE ON %s FOR EACH ROW
        WHEN (NEW.status::text = ''pending'' AND (OLD.status::text IS DISTINCT FROM NEW.status::text
              OR OLD.run_after IS DISTINCT FROM NEW.run_after OR OLD.priority IS DISTINCT FROM NEW.priority))
        EXECUTE FUNCTION ${schema}.cape_notify_changed(''due 1'')'),
      ('cape_issues', 'cape_notify_cancel',
       'AFTER UPDATE ON %s FOR EACH ROW
        WHEN (NEW.cancel_requested_at IS NOT NULL AND OLD.cancel_requested_at IS DISTINCT FROM NEW.cancel_requested_at)
        EXECUTE FUNCTION ${schema}.cape_notify_changed(''cancel'')'),
      ('cape_pauses', 'cape_notify_pause',
       'AFTER INSERT OR UPDATE OF paused_until OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION ${schema}.cape_notify_changed(''pause'')'),
      ('cape_pauses', 'cape_notify_no_pause',
       'AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.cape_notify_changed(''pause'')'),
      ('cape_workers', 'cape_notify_drain',
       'AFTER UPDATE ON %s FOR EACH ROW
        WHEN (NEW.drain_requested_for IS NOT NULL
              AND (OLD.drain_requested_for IS DISTINCT FROM NEW.drain_requested_for
                   OR OLD.drain_restart IS DISTINCT FROM NEW.drain_restart
                   OR OLD.drain_hand_over IS DISTINCT FROM NEW.drain_hand_over))
        EXECUTE FUNCTION ${schema}.cape_notify_changed(''worker'')')) AS w (place, name, definition)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = ('${schema}.' || wanted.place)::regclass AND tgname = wanted.name) THEN
      EXECUTE format('CREATE TRIGGER %I ' || wanted.definition, wanted.name, '${schema}.' || wanted.place);
    END IF;
  END LOOP;
END
$$;
