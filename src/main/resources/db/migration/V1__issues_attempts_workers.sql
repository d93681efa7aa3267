-- Takes over any form of cape_issues in use, or creates it. Every statement may run twice.
SET LOCAL lock_timeout = '2s';
SET LOCAL client_min_messages = warning;
-- Columns without a time zone are UTC.
SET LOCAL TimeZone = 'UTC';

-- All tables belong into the schema of cape_issues, else two workers with different search paths
-- would not see each other's leases. The lock is taken at once at its full strength: one that grows
-- on the way deadlocks with a running worker.
DO $$
DECLARE
  issues regclass := to_regclass('cape_issues');
BEGIN
  IF issues IS NULL THEN
    CREATE TABLE cape_issues (
        id SERIAL PRIMARY KEY,
        description TEXT NOT NULL,
        status VARCHAR(20) NOT NULL DEFAULT 'pending',
        assigned_worker_id VARCHAR(100),
        created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        started_at TIMESTAMP,
        completed_at TIMESTAMP
    );
    RETURN;
  END IF;
  PERFORM set_config('search_path', quote_ident(n.nspname) || ', ' || current_setting('search_path'), true)
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = issues;
  IF (SELECT relkind NOT IN ('r', 'p') FROM pg_class WHERE oid = issues) THEN
    RAISE EXCEPTION 'cape_issues is no table' USING ERRCODE = 'wrong_object_type';
  END IF;
  LOCK TABLE cape_issues IN ACCESS EXCLUSIVE MODE;
END
$$;

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
               WHERE a.attrelid = 'cape_issues'::regclass AND a.attname = needed.name AND NOT a.attisdropped);
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

-- The order of pending rows that exist. Triggers are off for it, so that updated_at keeps its value.
DO $$
DECLARE
  before text[] := ARRAY(SELECT format('%s TRIGGER %I', CASE tgenabled WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE' END, tgname)
                           FROM pg_trigger
                          WHERE tgrelid = 'cape_issues'::regclass AND NOT tgisinternal AND tgenabled IN ('O', 'A'));
  change text;
BEGIN
  IF EXISTS (SELECT FROM pg_attribute
              WHERE attrelid = 'cape_issues'::regclass AND attname = 'run_after' AND NOT attisdropped) THEN
    RETURN;
  END IF;
  ALTER TABLE cape_issues
    ADD COLUMN IF NOT EXISTS created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    ADD COLUMN run_after timestamptz NOT NULL DEFAULT now();
  FOREACH change IN ARRAY before LOOP
    EXECUTE 'ALTER TABLE cape_issues ' || regexp_replace(change, '^ENABLE( ALWAYS)?', 'DISABLE');
  END LOOP;
  UPDATE cape_issues SET run_after = least(coalesce(created_at, now()), now()) WHERE status = 'pending';
  FOREACH change IN ARRAY before LOOP
    EXECUTE 'ALTER TABLE cape_issues ' || change;
  END LOOP;
END
$$;

ALTER TABLE cape_issues
    ADD COLUMN IF NOT EXISTS assigned_worker_id VARCHAR(100),
    ADD COLUMN IF NOT EXISTS updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    ADD COLUMN IF NOT EXISTS started_at TIMESTAMP,
    ADD COLUMN IF NOT EXISTS completed_at TIMESTAMP,
    ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS fence bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cancel_requested_at timestamptz,
    ADD COLUMN IF NOT EXISTS last_error text;

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
     WHERE c.conrelid = 'cape_issues'::regclass AND c.contype = 'c' AND a.attnum = ANY (c.conkey)
  LOOP
    EXECUTE format('SELECT bool_and(coalesce(%s, true)) FROM '
                   '(SELECT %s FROM (VALUES (''failed''::text), (''cancelled'')) AS s (status)) AS t',
                   narrow.expression, narrow.columns) INTO allows;
    IF NOT allows THEN
      EXECUTE format('ALTER TABLE cape_issues DROP CONSTRAINT %I', narrow.conname);
      EXECUTE format('ALTER TABLE cape_issues ADD CONSTRAINT %I CHECK ((%s) OR status IN (''failed'', ''cancelled''))%s%s',
                     narrow.conname, narrow.expression,
                     CASE WHEN narrow.connoinherit THEN ' NO INHERIT' ELSE '' END,
                     CASE WHEN narrow.convalidated THEN '' ELSE ' NOT VALID' END);
    END IF;
  END LOOP;
END
$$;

CREATE INDEX IF NOT EXISTS cape_issues_claim_order ON cape_issues (priority DESC, run_after, id)
 WHERE status = 'pending';

CREATE TABLE IF NOT EXISTS cape_issue_attempts (
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

CREATE UNIQUE INDEX IF NOT EXISTS cape_issue_attempts_running ON cape_issue_attempts (issue_id)
 WHERE outcome = 'running';
CREATE INDEX IF NOT EXISTS cape_issue_attempts_history ON cape_issue_attempts (issue_id, fence);

CREATE TABLE IF NOT EXISTS cape_workers (
    worker_id varchar(100) PRIMARY KEY,
    instance uuid NOT NULL,
    host text NOT NULL,
    pid bigint NOT NULL,
    version text NOT NULL,
    state text NOT NULL CHECK (state IN ('idle', 'working', 'draining', 'paused', 'stopped')),
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);

-- scope: '*' for the whole fleet, else a worker id. Without an end a pause lasts until it is lifted.
CREATE TABLE IF NOT EXISTS cape_pauses (
    scope varchar(100) PRIMARY KEY,
    paused_until timestamptz,
    reason text,
    created_at timestamptz NOT NULL DEFAULT now()
);
