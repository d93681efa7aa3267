-- What people ask for is found without reading a table of millions from end to end. An issue is in
-- one of the first two, or in those of pending rows.
SET LOCAL lock_timeout = '2s';
SET LOCAL client_min_messages = warning;

LOCK TABLE cape_issues IN SHARE MODE;

-- How old a worker's heartbeat may be for it to count as alive: its own setting.
ALTER TABLE cape_workers ADD COLUMN IF NOT EXISTS lease_seconds integer NOT NULL DEFAULT 300;

CREATE INDEX IF NOT EXISTS cape_issues_completed ON cape_issues (completed_at) WHERE status = 'completed';
CREATE INDEX IF NOT EXISTS cape_issues_other ON cape_issues (status, id)
 WHERE status <> 'pending' AND status <> 'completed';
CREATE INDEX IF NOT EXISTS cape_issues_worker ON cape_issues (assigned_worker_id, id)
 WHERE assigned_worker_id IS NOT NULL;
