package com.cape.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** Runs the parts one after the other and writes the report; started by scripts/bench.sh. */
final class Bench {
  private Bench() {}

  private interface Part {
    void measure(Settings settings, Report report) throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, Part> parts = new LinkedHashMap<>();
    parts.put("floors", Floors::measure);
    parts.put("pickup", Pickup::measure);
    parts.put("fleet", Fleet::measure);
    parts.put("idle", Idle::measure);
    parts.put("throughput", Throughput::measure);
    parts.put("cycles", Cycles::measure);
    parts.put("scale", Scale::measure);
    parts.put("dashboard", DashboardPages::measure);
    Settings settings = Settings.given();
    settings.only().ifPresent(only -> parts.keySet().retainAll(Set.of(only)));

    var report = new Report();
    var noise = new Noise(settings.disk());
    head(settings, report);
    noise.measure("before");
    for (Map.Entry<String, Part> part : parts.entrySet()) {
      part.getValue().measure(settings, report);
      noise.measure("after " + part.getKey());
    }
    noise.report(report);
    report.writeTo(settings.report());
  }

  private static void head(Settings settings, Report report) throws SQLException, IOException {
    report.line("# Benchmarks");
    report.line("");
    report.line(
        settings.quick()
            ? "From `scripts/bench.sh --quick`, which tries the benchmarks: its figures mean nothing."
            : "Written by `scripts/bench.sh`. Ratios within one run count; absolute figures are of this"
                + " machine and this hour.");
    report.line("");
    report.line(
        "Cape Worker guards each process and all that it starts, keeps a history of the attempts and writes"
            + " each result durably before it settles; the others do not.");
    report.line("");
    for (String note : settings.notes()) {
      report.line("- Left out: " + note);
    }
    report.line("- Date: " + Instant.now().truncatedTo(ChronoUnit.MINUTES));
    Settings.text("versions").stream()
        .flatMap(String::lines)
        .map("- "::concat)
        .forEach(report::line);
    report.line(
        "- Machine: %d cores, %s, %s %s"
            .formatted(
                Runtime.getRuntime().availableProcessors(),
                processor(),
                System.getProperty("os.name"),
                System.getProperty("os.version")));
    report.line("- Java " + Runtime.version());
    try (var sql = new Sql(settings.url("postgres"))) {
      report.line("- " + sql.value("SELECT split_part(version(), ' on ', 1)"));
      report.line(
          "- Its settings: "
              + sql.value(
                  """
                  SELECT string_agg(name || ' ' || setting, ', ' ORDER BY name) FROM pg_settings
                   WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers')
                  """));
    }
    report.line(
        "- db-scheduler: lock-and-fetch 1.0-4.0, polling every %d ms"
            .formatted(DbSchedulerWorker.POLLING_MILLIS));
  }

  private static String processor() throws IOException {
    Path file = Path.of("/proc/cpuinfo");
    if (!Files.exists(file)) {
      return System.getProperty("os.arch");
    }
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.replaceFirst(".*:\\s*", ""))
          .findFirst()
          .orElse(System.getProperty("os.arch"));
    }
  }
}
