package com.cape.bench;

import com.cape.worker.issue.Claim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * pgbench on the statements that the worker's store sends for a claim and its settle, with the same
 * parameters; they are recorded from a real one, so that they are never other than the worker's.
 */
final class Pgbench {
  // Told apart from every other number, so that a parameter that holds it is recognised.
  private static final long ISSUE = 987_654_321;
  private static final long FENCE = 876_543_210;
  private static final String RUN_ID = "(:run_a::text || :run_b::text)::uuid";
  private static final Pattern RATE = Pattern.compile("tps = ([0-9.]+) ");
  private static final Pattern COUNT = Pattern.compile("actually processed: (\\d+)");

  private final List<Recorded> statements = new ArrayList<>();
  private final List<String> variables = new ArrayList<>();
  private final String script;

  /** Records on a database with the worker's schema, and leaves it empty. */
  Pgbench(String url) throws SQLException {
    var source = new PGSimpleDataSource();
    source.setURL(Sql.jdbc(url));
    var text =
        new StringBuilder(
            """
            \\set run_a random(1000000000000000, 9999999999999999)
            \\set run_b random(1000000000000000, 9999999999999999)
            """);
    try (var sql = new Sql(url);
        var store = new WorkerStore(Recorded.recording(source, statements))) {
      sql.execute(
          "INSERT INTO cape_issues (id, description, fence) VALUES (%d, 'bench', %d)"
              .formatted(ISSUE, FENCE - 1));
      Claim claim = store.claim();
      int claims = statements.size();
      store.settle(claim);
      if (claims == 0 || statements.size() == claims) {
        throw new IllegalStateException("the store's statements could not be recorded");
      }
      for (int i = 0; i < statements.size(); i++) {
        // A claim without its row ends the client, and the run with it.
        text.append(written(statements.get(i), claim)).append(i < claims ? "\\gset c_\n" : ";\n");
      }
      sql.execute("TRUNCATE cape_issues, cape_issue_attempts");
    }
    this.script = text.toString();
  }

  private String written(Recorded statement, Claim claim) {
    Matcher marks = Pattern.compile("\\?").matcher(statement.sql());
    var parameters = statement.parameters().iterator();
    String sql = marks.replaceAll(mark -> written(parameters.next(), claim));
    if (parameters.hasNext()) {
      throw new IllegalStateException("more parameters than question marks: " + statement.sql());
    }
    return sql.strip() + "\n";
  }

  private String written(Recorded.Parameter parameter, Claim claim) {
    Object value = parameter.value();
    if (claim.runId().equals(value)) {
      return RUN_ID;
    }
    String type = "::" + parameter.type();
    if (value instanceof Long number && number == ISSUE) {
      return ":c_id" + type;
    }
    if (value instanceof Long number && number == FENCE) {
      return ":c_fence" + type;
    }
    if (value == null || value.toString().isEmpty()) {
      return (value == null ? "NULL" : "''") + type; // pgbench has no such variables
    }
    variables.add("-D");
    variables.add("p%d=%s".formatted(variables.size() / 2 + 1, value));
    return ":p" + variables.size() / 2 + type;
  }

  /** What EXPLAIN says about each of the statements. */
  List<String> plans(Sql sql) throws SQLException {
    List<String> plans = new ArrayList<>();
    for (Recorded statement : statements) {
      List<Object> values = new ArrayList<>();
      statement.parameters().forEach(parameter -> values.add(parameter.value()));
      plans.addAll(sql.column("EXPLAIN (COSTS OFF) " + statement.sql(), values));
    }
    return plans;
  }

  /** Cycles a second. */
  double run(
      String pgbench, Settings settings, String database, String mode, int clients, int seconds)
      throws IOException, SQLException, InterruptedException {
    Path file = settings.directory().resolve("cycle.sql");
    Files.writeString(file, script);
    List<String> command = new ArrayList<>(List.of(pgbench, "-n", "-M", mode));
    command.addAll(
        List.of("-c", "" + clients, "-j", "" + Math.min(clients, 2), "-T", "" + seconds));
    command.addAll(List.of("-h", "127.0.0.1", "-p", "" + settings.port(), "-U", "postgres"));
    command.addAll(List.of("-f", file.toString()));
    command.addAll(variables);
    command.add(database);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes());
    Matcher rate = RATE.matcher(output);
    Matcher count = COUNT.matcher(output);
    if (process.waitFor() != 0 || !rate.find() || !count.find()) {
      throw new IOException("pgbench failed:\n" + output);
    }
    try (var sql = new Sql(settings.url(database))) {
      String completed = sql.value("SELECT count(*) FROM cape_issues WHERE status = 'completed'");
      if (!completed.equals(count.group(1))) {
        throw new IllegalStateException(
            "pgbench says %s cycles, the table %s".formatted(count.group(1), completed));
      }
    }
    return Double.parseDouble(rate.group(1));
  }
}
