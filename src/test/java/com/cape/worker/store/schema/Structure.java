package com.cape.worker.store.schema;

import com.cape.worker.testing.TestDatabase;
import java.util.List;
import java.util.stream.Stream;

/** What a table is made of, one line a thing, to compare before with after. */
final class Structure {
  private static final String LINES =
      """
      SELECT string_agg(line, E'\\n' ORDER BY line) FROM (
        SELECT concat_ws(' ', 'column', attname, format_type(atttypid, atttypmod), attnotnull,
                         pg_get_expr(d.adbin, d.adrelid)) AS line
          FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE attrelid = to_regclass('cape_issues') AND attnum > 0
         UNION ALL
        SELECT 'index ' || pg_get_indexdef(indexrelid) FROM pg_index
         WHERE indrelid = to_regclass('cape_issues')
         UNION ALL
        SELECT 'trigger ' || tgenabled::text || ' ' || pg_get_triggerdef(oid) FROM pg_trigger
         WHERE tgrelid = to_regclass('cape_issues')
         UNION ALL
        SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
         WHERE conrelid = to_regclass('cape_issues')
           AND NOT (contype = 'c' AND pg_get_constraintdef(oid) LIKE '%status%')
         UNION ALL
        SELECT 'option ' || unnest(reloptions) FROM pg_class WHERE oid = to_regclass('cape_issues')
      ) AS structure
      """;

  private Structure() {}

  static List<String> of(TestDatabase database) {
    return Stream.of(database.value(LINES).split("\n")).toList();
  }
}
