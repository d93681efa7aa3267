package com.cape.worker.store.schema;

import static java.util.Objects.requireNonNull;

import com.cape.worker.config.DatabaseUrl;
import com.cape.worker.store.Columns;
import com.cape.worker.store.Database;
import com.cape.worker.store.IssueListener;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** What {@code doctor} asks the server. Changes nothing. */
public final class ServerCheck {
  private final Database database;

  public ServerCheck(Database database) {
    this.database = requireNonNull(database);
  }

  /**
   * @param latency of a statement
   * @param clockOffset how far its clock is ahead of this host's
   */
  public record Server(
      String version,
      Duration latency,
      Optional<String> tls,
      Duration clockOffset,
      boolean readOnly,
      String encoding,
      String zone) {}

  private static final String NOW = "SELECT clock_timestamp() AS now";

  // The session's zone is the client's; the log's is the one that the server was set up with.
  private static final String SERVER =
      """
      SELECT current_setting('server_version') AS version,
             (SELECT version || ', ' || cipher FROM pg_stat_ssl
               WHERE pid = pg_backend_pid() AND ssl) AS tls,
             pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
             current_setting('server_encoding') AS encoding,
             coalesce((SELECT regexp_replace(setting, '^timezone=', '', 'i')
                         FROM pg_db_role_setting s, unnest(setconfig) AS setting
                        WHERE setting ILIKE 'timezone=%'
                          AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
                          AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))
                        ORDER BY setrole DESC, setdatabase DESC LIMIT 1),
                      current_setting('log_timezone')) AS zone
      """;

  public Server server() {
    // Opens the connection, which is not the latency.
    now();
    long start = System.nanoTime();
    Instant now = now();
    Duration latency = Duration.ofNanos(System.nanoTime() - start);
    Duration offset = Duration.between(Instant.now().minus(latency.dividedBy(2)), now);
    return database
        .queryOne(
            SERVER,
            bind -> {},
            row ->
                new Server(
                    row.getString("version"),
                    latency,
                    Columns.textIfAny(row, "tls"),
                    offset,
                    row.getBoolean("read_only"),
                    row.getString("encoding"),
                    row.getString("zone")))
        .orElseThrow();
  }

  private Instant now() {
    return database.queryOne(NOW, bind -> {}, row -> Columns.time(row, "now")).orElseThrow();
  }

  /** Whether notifications arrive: never through a pooler in transaction mode. */
  public boolean notificationsArrive(DatabaseUrl url, Duration atMost) {
    try (var listener = new IssueListener(url, "cape-worker doctor", database, UUID.randomUUID())) {
      listener.connect();
      listener.probe();
      boolean arrived = listener.await(atMost, new IssueListener.Handler() {});
      listener.unlisten();
      return arrived;
    }
  }

  private static final String MISSING =
      """
      WITH wanted (kind, place, names) AS (VALUES
        ('table', '', 'cape_issues cape_issue_attempts cape_workers cape_pauses cape_refusals cape_due_issues cape_pause_phases'),
        ('column', 'cape_issues', 'id description status assigned_worker_id created_at updated_at started_at completed_at priority run_after attempts fence cancel_requested_at last_error'),
        ('column', 'cape_issue_attempts', 'id issue_id attempt fence run_id worker_id instance host pid started_at lease_expires_at finished_at outcome exit_code signal error output_tail log_file adopted_at adoptions account'),
        ('column', 'cape_workers', 'worker_id instance host pid version state started_at heartbeat_at listener_up free_slots drain_requested_for drain_restart drain_hand_over lease_seconds account'),
        ('column', 'cape_pauses', 'scope paused_until reason created_at kind failures issue_id line probe_run ramp_step ramp_turn ramp_claims'),
        ('column', 'cape_refusals', 'issue_id fence status counted rescue run_after last_error error refused_at retry_at tries'),
        ('index', 'cape_issues', 'cape_issues_claim_order cape_issues_due cape_issues_completed cape_issues_other cape_issues_worker'),
        ('index', 'cape_issue_attempts', 'cape_issue_attempts_running cape_issue_attempts_history'),
        ('trigger', 'cape_issues', 'cape_fill_order cape_notify_inserted cape_notify_due cape_notify_cancel'),
        ('trigger', 'cape_pauses', 'cape_notify_pause cape_notify_no_pause'),
        ('trigger', 'cape_workers', 'cape_notify_drain'),
        ('privilege', 'cape_issues', 'SELECT INSERT UPDATE'),
        ('privilege', 'cape_issue_attempts', 'SELECT INSERT UPDATE'),
        ('privilege', 'cape_workers', 'SELECT INSERT UPDATE'),
        ('privilege', 'cape_pauses', 'SELECT INSERT UPDATE DELETE'),
        ('privilege', 'cape_refusals', 'SELECT INSERT UPDATE DELETE'),
        ('privilege', 'cape_due_issues', 'SELECT UPDATE'),
        ('privilege', 'cape_pause_phases', 'SELECT'))
      SELECT kind, place, name
        FROM wanted, unnest(string_to_array(names, ' ')) AS n (name)
       WHERE (place = '' OR to_regclass(place) IS NOT NULL) AND NOT CASE kind
         WHEN 'table' THEN to_regclass(name) IS NOT NULL
         WHEN 'column' THEN EXISTS (SELECT FROM pg_attribute
                                     WHERE attrelid = to_regclass(place) AND attname = name AND NOT attisdropped)
         WHEN 'index' THEN EXISTS (SELECT FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
                                    WHERE x.indrelid = to_regclass(place) AND c.relname = name AND x.indisvalid)
         WHEN 'trigger' THEN EXISTS (SELECT FROM pg_trigger
                                      WHERE tgrelid = to_regclass(place) AND tgname = name AND tgenabled IN ('O', 'A'))
         ELSE coalesce(has_table_privilege(to_regclass(place), name), false) END
       UNION ALL
      SELECT 'privilege', s.relname, 'USAGE'
        FROM pg_depend d JOIN pg_class s ON s.oid = d.objid
       WHERE d.refobjid = to_regclass('cape_issues') AND d.deptype = 'a'
         AND CASE relkind WHEN 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE') ELSE false END
       ORDER BY kind, place, name
      """;

  /** What the schema lacks, for people. */
  public List<String> missing() {
    return database.query(
        MISSING,
        bind -> {},
        row ->
            row.getString("place").isEmpty()
                ? "%s %s".formatted(row.getString("kind"), row.getString("name"))
                : "%s %s on %s"
                    .formatted(
                        row.getString("kind"), row.getString("name"), row.getString("place")));
  }

  // A permissive policy for everyone or for a role that this one belongs to.
  private static final String ROW_SECURITY =
      """
      SELECT c.relname, string_agg(w.name, ', ') FILTER (WHERE p.polrelid IS NULL) AS hidden
        FROM pg_class c
       CROSS JOIN (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) AS w (name, command)
        LEFT JOIN LATERAL (SELECT polrelid FROM pg_policy
                            WHERE polrelid = c.oid AND polpermissive AND polcmd::text IN ('*', w.command)
                              AND EXISTS (SELECT FROM unnest(polroles) AS r (oid)
                                           WHERE r.oid = 0 OR pg_has_role(r.oid, 'USAGE')) LIMIT 1) AS p ON true
       WHERE c.oid IN (to_regclass('cape_issues'), to_regclass('cape_issue_attempts'),
                       to_regclass('cape_workers'), to_regclass('cape_pauses'), to_regclass('cape_refusals'))
         AND row_security_active(c.oid)
         AND (w.command <> 'd' OR c.relname IN ('cape_pauses', 'cape_refusals'))
       GROUP BY c.relname ORDER BY c.relname
      """;

  /**
   * A table in which row level security decides what this role sees.
   *
   * @param hidden the commands that no policy allows to this role
   */
  public record Secured(String table, Optional<String> hidden) {}

  public List<Secured> rowSecurity() {
    return database.query(
        ROW_SECURITY,
        bind -> {},
        row -> new Secured(row.getString("relname"), Columns.textIfAny(row, "hidden")));
  }

  // Whoever may make all roles is as good as a superuser: those of providers are no superusers.
  private static final String CREATORS =
      """
      SELECT 'every role (PUBLIC)' AS name
        FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
       WHERE n.oid = %1$s AND a.grantee = 0 AND a.privilege_type = 'CREATE'
       UNION ALL
      SELECT rolname FROM pg_roles r, pg_namespace n
       WHERE n.oid = %1$s AND NOT rolsuper AND r.oid <> n.nspowner AND rolname <> current_user
         AND r.oid IS DISTINCT FROM (SELECT relowner FROM pg_class WHERE oid = to_regclass('cape_issues'))
         AND NOT pg_has_role(r.oid, n.nspowner, 'USAGE')
         AND has_schema_privilege(r.oid, n.oid, 'CREATE')
         AND NOT has_schema_privilege('public', n.oid, 'CREATE')
       ORDER BY name
      """
          .formatted("(SELECT relnamespace FROM pg_class WHERE oid = to_regclass('cape_issues'))");

  /** Roles that may create functions and operators in the schema, which this role could run. */
  public List<String> creators() {
    return database.query(CREATORS, bind -> {}, row -> row.getString("name"));
  }

  /** Empty without such roles. */
  public Optional<String> creatorsWarning() {
    return Optional.of(creators())
        .filter(roles -> !roles.isEmpty())
        .map(
            roles ->
                "%s may create functions and operators in the schema of cape_issues, and so have this role run them; let its owner REVOKE CREATE ON SCHEMA"
                    .formatted(String.join(", ", roles)));
  }
}
