package com.cape.worker.week;

import com.cape.worker.testing.WorkerProcess;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** What {@code scripts/week.sh} runs: the same week for each queue, and a report. */
public final class Week {
  private static final Map<String, String> DEFAULTS =
      Map.of(
          "--seed", "1",
          "--issues", "60",
          "--scale", "360",
          "--peers", "cape,graphile,dbscheduler",
          "--wordings", "known",
          "--jar", WorkerProcess.JAR.toString(),
          "--out", "docs/WEEK.md");
  private static final Set<String> WORDINGS = Set.of("known", "unknown", "none");

  private final Map<String, String> options;
  private final double scale;
  private final Path directory;

  private Week(Map<String, String> options, Path directory) {
    this.options = options;
    this.scale = Double.parseDouble(options.get("--scale"));
    this.directory = directory;
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, String> options = new TreeMap<>(DEFAULTS);
    for (int i = 0; i < arguments.length; i += 2) {
      if (i + 1 == arguments.length || !DEFAULTS.containsKey(arguments[i])) {
        System.err.println("week: unknown or incomplete option " + arguments[i]);
        System.exit(2);
      }
      options.put(arguments[i], arguments[i + 1]);
    }
    if (!WORDINGS.containsAll(list(options.get("--wordings")))) {
      System.err.println("week: --wordings are known, unknown or none");
      System.exit(2);
    }
    new Week(options, Files.createTempDirectory(Path.of("target"), "week-").toAbsolutePath()).run();
    System.exit(0); // also when a thread of the embedded server is left
  }

  private void run() throws IOException, InterruptedException, SQLException {
    System.out.println("week: its files are in " + directory);
    List<WeekReport.Part> parts = new ArrayList<>();
    try (EmbeddedPostgres server =
        EmbeddedPostgres.builder().setLocaleConfig("locale", "C").start()) {
      for (String wordings : list(options.get("--wordings"))) {
        for (String seed : list(options.get("--seed"))) {
          parts.add(part(server, seed, wordings));
        }
      }
    }
    Path out = Path.of(options.get("--out"));
    Files.writeString(out, WeekReport.markdown(options, parts));
    System.out.println("week: written: " + out);
  }

  private WeekReport.Part part(EmbeddedPostgres server, String seed, String wordings)
      throws IOException, InterruptedException, SQLException {
    Plan plan = Plan.of(Long.parseLong(seed), Integer.parseInt(options.get("--issues")));
    var part = new WeekReport.Part(seed, wordings, plan, new ArrayList<>());
    System.out.println(WeekReport.planText(part));
    for (String name : list(options.get("--peers"))) {
      week(server, part, name).ifPresent(part.rows()::add);
    }
    System.out.println(WeekReport.table(part));
    return part;
  }

  private static List<String> list(String text) {
    return List.of(text.split(","));
  }

  private Optional<WeekReport.Row> week(EmbeddedPostgres server, WeekReport.Part part, String name)
      throws IOException, InterruptedException, SQLException {
    String week = "%s_%s_%s".formatted(name, part.seed(), part.wordings());
    Path folder = Files.createDirectories(directory.resolve(week));
    WeekDatabase database = WeekDatabase.create(server, week);
    Optional<Peer> peer = peer(name, workflow(folder), database);
    if (peer.isEmpty()) {
      System.out.println("week: leaving out " + name + ", as it is not there");
      return Optional.empty();
    }
    System.out.println("week: " + peer.get().name() + " begins");
    var simulation = new Simulation(part.plan(), peer.get(), folder, scale, part.wordings());
    var row = new WeekReport.Row(peer.get().name(), peer.get().scaled(), simulation.run());
    System.out.println(WeekReport.line(row));
    return Optional.of(row);
  }

  /** Empty where what it needs is not there. */
  private Optional<Peer> peer(String name, Path workflow, WeekDatabase database) {
    return switch (name) {
      case "cape" ->
          Optional.of(
              new CapePeer(
                  Path.of(options.get("--jar")).toAbsolutePath(), workflow, database, scale));
      case "graphile" -> graphile(workflow, database, false);
      case "graphile_batches" -> graphile(workflow, database, true);
      case "dbscheduler" ->
          property("week.dbscheduler")
              .map(classPath -> new DbSchedulerPeer(classPath, workflow, database, scale));
      default -> throw new IllegalArgumentException("no peer is called " + name);
    };
  }

  private Optional<Peer> graphile(Path workflow, WeekDatabase database, boolean waits) {
    return property("week.node")
        .map(node -> new GraphilePeer(Path.of(node), workflow, database, scale, waits));
  }

  private static Optional<String> property(String name) {
    return Optional.of(System.getProperty(name, "")).filter(value -> !value.isEmpty());
  }

  private static Path workflow(Path folder) throws IOException {
    Path workflow = folder.resolve("workflow");
    try (InputStream script = Week.class.getResourceAsStream("/week/workflow.pl")) {
      Files.copy(script, workflow);
    }
    if (!workflow.toFile().setExecutable(true)) {
      throw new IOException("cannot make " + workflow + " executable");
    }
    return workflow;
  }
}
