-- Tells listening workers what happened, on the channel cape_issues. A claim, a heartbeat and a final
-- settle send nothing. Every statement may run twice.
SET LOCAL lock_timeout = '2s';
SET LOCAL client_min_messages = warning;

-- Everything belongs into the schema of cape_issues. The locks are taken at once at their full
-- strength and in the order in which a running worker takes them.
DO $$
DECLARE
  issues regclass := to_regclass('cape_issues');
BEGIN
  PERFORM set_config('search_path', quote_ident(n.nspname) || ', ' || current_setting('search_path'), true)
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = issues;
  LOCK TABLE cape_issues, cape_pauses IN SHARE ROW EXCLUSIVE MODE;
  LOCK TABLE cape_workers IN ACCESS EXCLUSIVE MODE;
END
$$;

-- drain_requested_for: the instance that is to drain. With drain_restart it leaves with 75, so that
-- its service manager starts it again, else with 0.
ALTER TABLE cape_workers
    ADD COLUMN IF NOT EXISTS listener_up boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS free_slots integer NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS drain_requested_for uuid,
    ADD COLUMN IF NOT EXISTS drain_restart boolean NOT NULL DEFAULT false;

-- What falls due next, however many wait.
CREATE INDEX IF NOT EXISTS cape_issues_due ON cape_issues (run_after, id) WHERE status = 'pending';

-- Small and always changing, so that a fifth of it is no measure; the history only grows.
ALTER TABLE cape_workers SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
ALTER TABLE cape_issue_attempts SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
                                     autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 1000);

-- 'due COUNT ID': so many issues, the first of them ID. The id also keeps PostgreSQL from folding
-- the notifications of different issues in one transaction.
CREATE OR REPLACE FUNCTION cape_notify_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found record;
BEGIN
  SELECT count(*) AS pending, min(id) AS first,
         count(*) FILTER (WHERE run_after <= clock_timestamp()) AS due,
         min(id) FILTER (WHERE run_after <= clock_timestamp()) AS first_due
    INTO found
    FROM inserted WHERE status = 'pending';
  IF found.pending > 0 THEN
    PERFORM pg_notify('cape_issues',
                      format('due %s %s', greatest(found.due, 1), coalesce(found.first_due, found.first)));
  END IF;
  RETURN NULL;
END
$$;

-- 'due 1 ID', 'cancel ID', 'pause', 'worker ID': the argument says which.
CREATE OR REPLACE FUNCTION cape_notify_changed() RETURNS trigger LANGUAGE plpgsql AS $$
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
  FOR wanted IN
    SELECT * FROM (VALUES
      ('cape_issues', 'cape_notify_inserted',
       'AFTER INSERT ON cape_issues REFERENCING NEW TABLE AS inserted
        FOR EACH STATEMENT EXECUTE FUNCTION cape_notify_inserted()'),
      ('cape_issues', 'cape_notify_due',
       'AFTER UPDATE ON cape_issues FOR EACH ROW
        WHEN (NEW.status = ''pending'' AND (OLD.status IS DISTINCT FROM NEW.status
              OR OLD.run_after IS DISTINCT FROM NEW.run_after OR OLD.priority IS DISTINCT FROM NEW.priority))
        EXECUTE FUNCTION cape_notify_changed(''due 1'')'),
      ('cape_issues', 'cape_notify_cancel',
       'AFTER UPDATE ON cape_issues FOR EACH ROW
        WHEN (NEW.cancel_requested_at IS NOT NULL AND OLD.cancel_requested_at IS DISTINCT FROM NEW.cancel_requested_at)
        EXECUTE FUNCTION cape_notify_changed(''cancel'')'),
      ('cape_pauses', 'cape_notify_pause',
       'AFTER INSERT OR UPDATE OR DELETE ON cape_pauses FOR EACH ROW EXECUTE FUNCTION cape_notify_changed(''pause'')'),
      ('cape_pauses', 'cape_notify_no_pause',
       'AFTER TRUNCATE ON cape_pauses FOR EACH STATEMENT EXECUTE FUNCTION cape_notify_changed(''pause'')'),
      ('cape_workers', 'cape_notify_drain',
       'AFTER UPDATE ON cape_workers FOR EACH ROW
        WHEN (NEW.drain_requested_for IS NOT NULL
              AND (OLD.drain_requested_for IS DISTINCT FROM NEW.drain_requested_for
                   OR OLD.drain_restart IS DISTINCT FROM NEW.drain_restart))
        EXECUTE FUNCTION cape_notify_changed(''worker'')')) AS w (place, name, definition)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = wanted.place::regclass AND tgname = wanted.name) THEN
      EXECUTE format('CREATE TRIGGER %I %s', wanted.name, wanted.definition);
    END IF;
  END LOOP;
END
$$;
