package com.cape.worker.store.queue;

import static com.cape.worker.store.queue.RepositoryFixture.ALICE;
import static com.cape.worker.store.queue.RepositoryFixture.LEASE;
import static com.cape.worker.store.queue.RepositoryFixture.again;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.IssueStatus;
import com.cape.worker.issue.Outcome;
import com.cape.worker.issue.RetryPolicy;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.pause.PauseOrder;
import com.cape.worker.store.pause.PauseRepository;
import com.cape.worker.store.pause.PauseScope;
import com.cape.worker.store.queue.WorkerRepository.Leave;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.store.schema.ServerCheck;
import com.cape.worker.testing.TestDatabase;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What another role puts into the schema of cape_issues does not run with the worker's rights. */
@Tag("database")
@Timeout(60)
class PlantedCodeTest {
  private final TestDatabase database = TestDatabase.create();
  private final Database open = new Database(database.dataSource());

  @BeforeEach
  void createRole() {
    database.execute(
        """
        DO $$ BEGIN
          IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cape_intruder') THEN
            CREATE ROLE cape_intruder LOGIN;
          END IF;
        END $$;
        GRANT CREATE ON SCHEMA public TO cape_intruder;
        """);
  }

  private void plant() {
    database.execute(
        """
        CREATE TABLE traces (what text);
        GRANT ALL ON traces TO PUBLIC;
        SET ROLE cape_intruder;
        CREATE FUNCTION public.spy(text, text) RETURNS boolean LANGUAGE plpgsql AS
          $$ BEGIN INSERT INTO public.traces VALUES ('function'); RETURN $1::bytea = $2::bytea; END $$;
        """);
    for (String types :
        List.of("varchar,varchar", "varchar,text", "text,varchar", "varchar,unknown_literal")) {
      String[] two = types.replace("unknown_literal", "bpchar").split(",");
      for (String operator : List.of("=", "<>", "<", "||")) {
        database.execute(
            """
            SET ROLE cape_intruder;
            CREATE FUNCTION public.spy_%4$s(%1$s, %2$s) RETURNS %5$s LANGUAGE plpgsql AS
              $$ BEGIN INSERT INTO public.traces VALUES ('%1$s %3$s %2$s'); RETURN %6$s; END $$;
            CREATE OPERATOR public.%3$s (LEFTARG = %1$s, RIGHTARG = %2$s, FUNCTION = public.spy_%4$s);
            """
                .formatted(
                    two[0],
                    two[1],
                    operator,
                    Integer.toHexString((operator + types).hashCode()),
                    operator.equals("||") ? "text" : "boolean",
                    operator.equals("||") ? "'x'" : "true"));
      }
    }
    for (String signature :
        List.of("octet_length(varchar)", "left(varchar, integer)", "pg_notify(varchar, varchar)")) {
      database.execute(
          """
          SET ROLE cape_intruder;
          CREATE FUNCTION public.%s RETURNS integer LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO public.traces VALUES ('%s'); RETURN 1; END $$
          """
              .formatted(signature, signature));
    }
  }

  @Test
  void operatorsOfAnotherRoleAreNotUsedByMigrationsAndWorkers() {
    plant();
    new Migrator(database.dataSource()).migrate();
    work();
    assertEquals("null", database.value("SELECT string_agg(DISTINCT what, ', ') FROM traces"));
    database.execute("SELECT FROM cape_issues WHERE status = 'pending'");
    assertEquals(
        "varchar = varchar", database.value("SELECT DISTINCT what FROM traces"), "they would be");
  }

  /** Every statement of a worker. */
  private void work() {
    var issues = new IssueRepository(open);
    var workers = new WorkerRepository(open, "1");
    database.execute(
        "SET search_path = pg_catalog; INSERT INTO public.cape_issues (description) VALUES ('a'), ('b'), ('c')");
    assertTrue(workers.register(ALICE, LEASE, List.of()).isEmpty());
    assertTrue(
        workers.heartbeat(ALICE, new WorkerStatus(WorkerState.IDLE, true, 1), LEASE).isPresent());
    assertTrue(workers.requestDrain(new WorkerId("alice"), Leave.DRAIN).isPresent());
    assertTrue(workers.stillHere(ALICE).isPresent());
    Claim claim = RepositoryFixture.claim(issues, ALICE).orElseThrow();
    assertEquals(1, new AdoptionRepository(open).heldBy(ALICE, List.of(ALICE.instance())).size());
    assertEquals(
        AdoptionRepository.Owner.THIS,
        new AdoptionRepository(open).takeOver(claim.runId(), ALICE, List.of(), true, LEASE));
    assertEquals(1, workers.extendLeases(claim.instance(), List.of(claim.runId()), LEASE).size());
    assertTrue(issues.findClaim(claim.runId(), LEASE).isPresent());
    assertEquals(0, issues.streak(claim.issueId(), Outcome.THROTTLED).length());
    var both = issues.settleAndClaim(claim, again(true), UUID.randomUUID(), ALICE, "/logs", LEASE);
    assertEquals(Optional.of(IssueStatus.PENDING), both.settled().orElseThrow().status());
    database.execute(
        "SET search_path = pg_catalog; UPDATE public.cape_issue_attempts SET lease_expires_at = now()");
    assertFalse(
        RepositoryFixture.rescueAll(
                issues, new RetryPolicy(5, Duration.ofSeconds(1), Duration.ofSeconds(1)))
            .isEmpty());
    var pauses = new PauseRepository(open);
    pauses.pause(PauseScope.worker(ALICE.id()), Optional.empty(), Optional.of("why"));
    assertEquals(
        "why", issues.claim(UUID.randomUUID(), ALICE, "/logs", LEASE).idle().pauseReason());
    assertTrue(pauses.resume(PauseScope.worker(ALICE.id())).isPresent());
    assertFalse(pauses.lastEnds("default").isEmpty());
    Duration wait = Duration.ofHours(1);
    assertTrue(
        pauses.order(
            new PauseOrder(
                PauseScope.account("default"),
                PauseOrder.Kind.LIMIT,
                List.of(wait),
                wait,
                "why",
                ""),
            claim.issueId()));
    assertTrue(issues.claim(UUID.randomUUID(), ALICE, "/logs", LEASE).claim().isEmpty());
    assertEquals(0, issues.retryRefusals());
  }

  @Test
  void tableThatAnotherRolePlantedIsNotUsed() {
    database.execute(
        "SET ROLE cape_intruder; CREATE TABLE public.cape_pauses (scope varchar(100))");
    var failure =
        assertThrows(StoreException.class, () -> new Migrator(database.dataSource()).migrate());
    assertEquals(StoreException.Kind.FORBIDDEN, failure.kind());
    assertTrue(failure.getMessage().contains("cape_pauses"), failure.getMessage());
  }

  @Test
  void rolesThatMayCreateInTheSchemaAreNamed() {
    new Migrator(database.dataSource()).migrate();
    var check = new ServerCheck(open);
    assertEquals(List.of("cape_intruder"), check.creators());
    database.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC, cape_intruder");
    assertEquals(List.of(), check.creators());
    assertEquals(List.of(), check.missing());
  }
}
