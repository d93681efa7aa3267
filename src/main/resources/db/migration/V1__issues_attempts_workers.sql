-- Takes over any form of cape_issues in use, or creates it. Every statement may run twice.
SET LOCAL lock_timeout = '5s';
SET LOCAL client_min_messages = warning;
-- Columns without a time zone are UTC.
SET LOCAL TimeZone = 'UTC';

CREATE TABLE IF NOT EXISTS cape_issues (
    id SERIAL PRIMARY KEY,
    description TEXT NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'pending',
    assigned_worker_id VARCHAR(100),
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    started_at TIMESTAMP,
    completed_at TIMESTAMP
);

DO $$
DECLARE
  status_type text;
BEGIN
  IF (SELECT relkind NOT IN ('r', 'p') FROM pg_class WHERE oid = 'cape_issues'::regclass) THEN
    RAISE EXCEPTION 'cape_issues is not a table';
  END IF;
  IF (SELECT count(*) <> 3 FROM pg_attribute
       WHERE attrelid = 'cape_issues'::regclass AND NOT attisdropped
         AND attname IN ('id', 'description', 'status')) THEN
    RAISE EXCEPTION 'cape_issues needs the columns id, description and status';
  END IF;
  SELECT t.typname INTO status_type FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
   WHERE a.attrelid = 'cape_issues'::regclass AND a.attname = 'status';
  IF status_type NOT IN ('text', 'varchar') THEN
    RAISE EXCEPTION 'cape_issues.status is of type %, and has to be text or varchar', status_type;
  END IF;
END
$$;

-- The order of pending rows that exist. Triggers are off for it, so that updated_at keeps its value.
DO $$
DECLARE
  enabled text[];
  trigger text;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_attribute
                  WHERE attrelid = 'cape_issues'::regclass AND attname = 'run_after' AND NOT attisdropped) THEN
    ALTER TABLE cape_issues
      ADD COLUMN IF NOT EXISTS created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
      ADD COLUMN run_after timestamptz NOT NULL DEFAULT now();
    SELECT array_agg(tgname) INTO enabled FROM pg_trigger
     WHERE tgrelid = 'cape_issues'::regclass AND NOT tgisinternal AND tgenabled = 'O';
    FOREACH trigger IN ARRAY coalesce(enabled, '{}') LOOP
      EXECUTE format('ALTER TABLE cape_issues DISABLE TRIGGER %I', trigger);
    END LOOP;
    UPDATE cape_issues SET run_after = least(coalesce(created_at, now()), now()) WHERE status = 'pending';
    FOREACH trigger IN ARRAY coalesce(enabled, '{}') LOOP
      EXECUTE format('ALTER TABLE cape_issues ENABLE TRIGGER %I', trigger);
    END LOOP;
  END IF;
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

-- A CHECK on status alone is widened when it forbids one of the two states that are new.
DO $$
DECLARE
  narrow record;
  allows boolean;
BEGIN
  FOR narrow IN
    SELECT c.conname, pg_get_expr(c.conbin, c.conrelid) AS expression
      FROM pg_constraint c
      JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attname = 'status'
     WHERE c.conrelid = 'cape_issues'::regclass AND c.contype = 'c' AND c.conkey = ARRAY[a.attnum]
  LOOP
    EXECUTE format('SELECT bool_and(coalesce(%s, true)) FROM (VALUES (''failed''::text), (''cancelled'')) AS t (status)',
                   narrow.expression) INTO allows;
    IF NOT allows THEN
      EXECUTE format('ALTER TABLE cape_issues DROP CONSTRAINT %I', narrow.conname);
      EXECUTE format('ALTER TABLE cape_issues ADD CONSTRAINT %I CHECK ((%s) OR status IN (''failed'', ''cancelled''))',
                     narrow.conname, narrow.expression);
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
