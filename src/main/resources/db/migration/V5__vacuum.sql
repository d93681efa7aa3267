-- A claim walks over the index entries of what was claimed before, until a vacuum removes them:
-- 200,000 of them take it 4 ms (docs/BENCHMARKS.md). By PostgreSQL's own settings that vacuum comes
-- when a fifth of the table has changed, and may leave the indexes as they are. What somebody has set
-- for this table stays; partitions are their owner's.
SET LOCAL lock_timeout = '2s';

DO $$
DECLARE
  wanted record;
BEGIN
  FOR wanted IN
    SELECT s.name, s.value
      FROM pg_class c,
           (VALUES ('autovacuum_vacuum_scale_factor', '0.01'), ('autovacuum_vacuum_threshold', '1000'),
                   ('vacuum_index_cleanup', 'on')) AS s (name, value)
     WHERE c.oid = 'cape_issues'::regclass AND c.relkind = 'r'
       AND NOT EXISTS (SELECT FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = s.name)
  LOOP
    EXECUTE format('ALTER TABLE cape_issues SET (%s = %s)', wanted.name, wanted.value);
  END LOOP;
END
$$;
