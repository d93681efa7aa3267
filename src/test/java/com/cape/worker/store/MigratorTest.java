package com.cape.worker.store;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.cape.worker.testing.TestDatabase;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("database")
class MigratorTest {
  private final TestDatabase database = TestDatabase.create();

  @Test
  void olderFormInUseIsTakenOver() {
    database.execute(
        """
        CREATE TYPE helper AS ENUM ('tom', 'jerry');
        CREATE TABLE cape_issues (
          id serial PRIMARY KEY, description text NOT NULL,
          status text DEFAULT 'pending' CHECK (status IN ('pending', 'started', 'completed')),
          assigned_to helper, created_at timestamptz DEFAULT now(), updated_at timestamptz DEFAULT now());
        CREATE INDEX ON cape_issues (status);
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
          'BEGIN NEW.updated_at = now(); RETURN NEW; END';
        CREATE TRIGGER touch BEFORE UPDATE ON cape_issues FOR EACH ROW EXECUTE FUNCTION touch();
        INSERT INTO cape_issues (description, created_at, updated_at) VALUES
          ('second', '2026-01-02', '2026-01-03'), ('first', '2026-01-01', '2026-01-03');
        """);

    new Migrator(database.dataSource()).migrate();
    new Migrator(database.dataSource()).migrate();

    assertEquals(
        "first,second",
        database.value("SELECT string_agg(description, ',' ORDER BY run_after) FROM cape_issues"));
    assertEquals(
        "2026-01-03",
        database.value("SELECT max(updated_at AT TIME ZONE 'UTC')::date FROM cape_issues"));
    database.execute("UPDATE cape_issues SET status = 'failed'");
    database.execute("UPDATE cape_issues SET status = 'cancelled'");
    assertEquals(
        "1",
        database.value(
            "SELECT count(*) FROM pg_trigger WHERE tgname = 'touch' AND tgenabled = 'O'"));
  }

  @Test
  void insertOfJustADescriptionIsDueAtOnce() {
    new Migrator(database.dataSource()).migrate();
    database.execute("INSERT INTO cape_issues (description) VALUES ('x')");
    assertEquals(
        "t", database.value("SELECT status = 'pending' AND run_after <= now() FROM cape_issues"));
  }
}
