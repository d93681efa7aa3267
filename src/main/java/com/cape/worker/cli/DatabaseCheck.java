package com.cape.worker.cli;

import com.cape.worker.config.WorkerConfig;
import com.cape.worker.store.Database;
import com.cape.worker.store.StoreException;
import com.cape.worker.store.schema.Migrator;
import com.cape.worker.store.schema.ServerCheck;
import com.cape.worker.text.PlainText;
import java.time.Duration;
import java.util.List;
import java.util.Set;

/** What {@code doctor} looks at in the database. */
final class DatabaseCheck {
  private static final Duration SLOW = Duration.ofMillis(100);
  private static final Duration TOLERATED_OFFSET = Duration.ofSeconds(5);
  private static final Duration NOTIFICATION_LIMIT = Duration.ofSeconds(3);
  private static final Set<String> UTC = Set.of("UTC", "Etc/UTC", "GMT", "Etc/GMT", "Zulu", "UCT");
  private static final String GRANT = "; let the tables' owner GRANT it to this role";
  private static final String RUN_AGAIN =
      "; the migrations may run again: unzip -p cape-worker.jar 'db/migration/*' | psql -1";

  private final Findings findings;
  private final WorkerConfig.Connection connection;

  DatabaseCheck(Findings findings, WorkerConfig.Connection connection) {
    this.findings = findings;
    this.connection = connection;
  }

  /** Whether the rest can be asked at all. */
  boolean server(Database open) {
    ServerCheck.Server server;
    try {
      server = new ServerCheck(open).server();
    } catch (StoreException e) {
      findings.failed(
          "database", "%s; the URL comes from %s".formatted(e.getMessage(), connection.origin()));
      return false;
    }
    String text =
        "PostgreSQL %s at %s, %d ms a statement"
            .formatted(
                PlainText.line(server.version()),
                connection.url().hosts(),
                server.latency().toMillis());
    findings.okOrWarning(
        server.latency().compareTo(SLOW) <= 0,
        "database",
        text,
        text + ": slow; move the workers nearer to it");
    if (server.readOnly()) {
      findings.failed("database", "takes no writes; name the primary in the URL");
    }
    findings.ok("tls", server.tls().orElse("none between the database and its client"));
    clock(server);
    findings.okOrWarning(
        server.encoding().equals("UTF8"),
        "characters",
        "the database keeps all of Unicode",
        "the database is in %s, not in UTF8: a character that it lacks is kept as ?, and an issue whose text is not valid is shown with \uFFFD and cannot be run; move to a database in UTF8"
            .formatted(PlainText.line(server.encoding())));
    return true;
  }

  private void clock(ServerCheck.Server server) {
    Duration offset = server.clockOffset();
    String text =
        "the server's is %.1f s %s this host's"
            .formatted(
                offset.abs().toMillis() / 1000.0, offset.isNegative() ? "behind" : "ahead of");
    findings.okOrWarning(
        offset.abs().compareTo(TOLERATED_OFFSET) <= 0,
        "clock",
        text,
        text + ": no harm to leases; log times differ; set up NTP");
    findings.okOrWarning(
        UTC.contains(server.zone()),
        "time zone",
        "the server's is " + server.zone(),
        "the server's seems to be %s: others' columns without a zone may not be UTC; set timezone = 'UTC'"
            .formatted(PlainText.line(server.zone())));
  }

  /** Whether the way to the database carries notifications. */
  void notifications(Database open) {
    if (!connection.listen()) {
      findings.warning("pooling", "notifications are turned off: workers poll");
      return;
    }
    try {
      findings.okOrWarning(
          new ServerCheck(open).notificationsArrive(connection.listenUrl(), NOTIFICATION_LIMIT),
          "pooling",
          "direct, or by session: notifications arrive",
          "notifications do not arrive, as behind a pooler in transaction mode: workers poll; name a direct connection in --listen-url, or give --no-listen");
    } catch (StoreException e) {
      findings.warning("pooling", "cannot listen for notifications: " + e.getMessage());
    }
  }

  /** An issue that a policy hides is never claimed, without any error. */
  private void rowSecurity(ServerCheck check) {
    for (ServerCheck.Secured table : check.rowSecurity()) {
      table
          .hidden()
          .ifPresentOrElse(
              commands ->
                  findings.failed(
                      "row security",
                      "no policy of %s (%s) is for this role: its rows look as if there were none; let the tables' owner CREATE POLICY, or ALTER ROLE ... BYPASSRLS"
                          .formatted(table.table(), commands)),
              () ->
                  findings.warning(
                      "row security",
                      "policies of %s decide what this role sees: an issue that they hide is never claimed"
                          .formatted(table.table())));
    }
  }

  /** Whether the schema has all that workers and operators use. */
  void schema(Database open) {
    try {
      var check = new ServerCheck(open);
      rowSecurity(check);
      check.creatorsWarning().ifPresent(warning -> findings.warning("schema", warning));
      if (!new Migrator(open).upToDate()) {
        findings.failed("schema", "is not up to date; run 'cape-worker migrate'");
        return;
      }
      List<String> missing = check.missing();
      if (missing.isEmpty()) {
        findings.ok("schema", "version %d or newer, nothing missing".formatted(Migrator.NEWEST));
      }
      for (String what : missing) {
        String advice = what.startsWith("privilege") ? GRANT : RUN_AGAIN;
        findings.failed("schema", "no " + what + advice);
      }
    } catch (StoreException e) {
      boolean forbidden = e.kind() == StoreException.Kind.FORBIDDEN;
      findings.failed("schema", e.getMessage() + (forbidden ? GRANT : ""));
    }
  }
}
