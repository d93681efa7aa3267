package com.cape.worker.chaos;

import com.cape.worker.testing.WorkerProcess;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Breaks everything around several workers at random, then lets {@link Checker} judge. */
public final class Chaos {
  private static final String NEVER = "infinity";
  private static final Duration SETTLING = Duration.ofMinutes(3);
  private static final int MOST_DUE = 12;
  private static final int UUID_LENGTH = 36;

  /** The JAR of an earlier commit, for upgrades and downgrades in the middle of runs. */
  private static final Optional<Path> OLD_JAR =
      Optional.ofNullable(System.getenv("CAPE_CHAOS_OLD_JAR")).map(Path::of);

  private static final List<String> EDITS =
      List.of(
          "UPDATE cape_issues SET status = 'pending' WHERE id = %d",
          "UPDATE cape_issues SET status = 'completed' WHERE id = %d",
          "UPDATE cape_issues SET status = 'started' WHERE id = %d",
          "UPDATE cape_issues SET attempts = 0, fence = fence - 1 WHERE id = %d",
          "DELETE FROM cape_issues WHERE id = %d",
          "WITH d AS (DELETE FROM cape_issues WHERE id = %1$d RETURNING id)"
              + " INSERT INTO cape_issues (id, description) SELECT id + 1000000, 'again' FROM d");
  private static final String BREAK_THE_LEASES =
      "WITH lost AS (UPDATE cape_issue_attempts SET outcome = 'lost', finished_at = now()"
          + " WHERE outcome = 'running' RETURNING issue_id) UPDATE cape_issues SET status = 'pending'"
          + " FROM lost WHERE id = issue_id";

  private static final Pattern CLAIM_OR_SETTLE =
      Pattern.compile("UPDATE\\s+(\\S+\\.)?cape_issues\\b|cape_claim_next|cape_settle");
  // Running attempts, of dead workers too, and issues that wait.
  private static final String HOLD_ROWS =
      """
      DO $$ BEGIN
        PERFORM FROM cape_issues
          WHERE id IN ((SELECT issue_id FROM cape_issue_attempts WHERE outcome = 'running' ORDER BY random() LIMIT 3)
                       UNION ALL
                       (SELECT id FROM cape_issues WHERE status = 'pending' ORDER BY random() LIMIT 2))
            FOR UPDATE SKIP LOCKED;
        PERFORM pg_sleep(%d);
      END $$
      """;
  private static final String REFUSALS =
      """
      CREATE TABLE chaos_refusals (digit int, claims boolean, until timestamptz);
      CREATE FUNCTION chaos_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF current_setting('application_name') LIKE 'cape-worker%' AND EXISTS (
             SELECT FROM chaos_refusals
              WHERE digit = NEW.id % 10 AND until > clock_timestamp()
                AND CASE WHEN claims THEN OLD.status = 'pending' AND NEW.status = 'started'
                         ELSE OLD.status = 'started' AND NEW.status <> 'started' END)
        THEN
          RAISE EXCEPTION 'chaos refuses this' USING ERRCODE = '45000';
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER chaos_refuses BEFORE UPDATE ON cape_issues FOR EACH ROW EXECUTE FUNCTION chaos_refuse();
      """;

  private final World world;
  private final Random random;
  private final boolean leasesBroken;
  private final List<Slot> slots = new ArrayList<>();
  private final Set<Long> edited = new TreeSet<>();
  private final Set<String> harmed = new TreeSet<>();
  private final Map<String, Integer> events = new TreeMap<>();
  private int inserted;

  private Chaos(World world, long seed, boolean leasesBroken) {
    this.world = world;
    this.random = new Random(seed);
    this.leasesBroken = leasesBroken;
  }

  /** A worker id, its process and its way to the database. */
  private static final class Slot {
    private final String id;
    private final FaultyProxy proxy;
    private WorkerProcess process;
    private long healAtNanos = Long.MAX_VALUE;
    private long startAtNanos;
    private boolean old;
    // When its process of an older version was started, if it is one.
    private String oldSince = NEVER;

    private Slot(String id, FaultyProxy proxy) {
      this.id = id;
      this.proxy = proxy;
    }
  }

  /** Options: {@code --minutes}, {@code --workers}, {@code --seed}; exits with 1 on a finding. */
  public static void main(String[] arguments) throws Exception {
    Map<String, Long> options = new TreeMap<>();
    for (int i = 0; i + 1 < arguments.length; i += 2) {
      options.put(arguments[i], Long.parseLong(arguments[i + 1]));
    }
    if (arguments.length % 2 != 0
        || !Set.of("--minutes", "--workers", "--seed").containsAll(options.keySet())) {
      System.err.println("usage: scripts/chaos.sh [--minutes N] [--workers N] [--seed S]");
      System.exit(2);
    }
    long seed = options.getOrDefault("--seed", System.nanoTime() % 1_000_000);
    Path directory = Files.createTempDirectory("cape-chaos");
    boolean good =
        run(
            directory,
            Duration.ofMinutes(options.getOrDefault("--minutes", 1L)),
            options.getOrDefault("--workers", 4L).intValue(),
            seed,
            false);
    System.exit(good ? 0 : 1);
  }

  /**
   * Lets chaos reign for so long.
   *
   * @param leasesBroken lets leases end while their runs live, as a broken worker would
   * @return whether every count is 0
   */
  static boolean run(Path directory, Duration time, int workers, long seed, boolean leasesBroken)
      throws Exception {
    System.out.printf("chaos: seed %d, %d workers, files in %s%n", seed, workers, directory);
    try (var world = new World(directory, seed)) {
      var chaos = new Chaos(world, seed, leasesBroken);
      try {
        chaos.start(workers);
        chaos.reign(time);
        chaos.settle();
        return chaos.judge();
      } finally {
        for (Slot slot : chaos.slots) {
          slot.process.close();
          slot.proxy.close();
        }
      }
    }
  }

  private void start(int workers) throws Exception {
    for (int i = 1; i <= workers; i++) {
      var slot = new Slot("chaos-" + i, new FaultyProxy(world.port()));
      slot.process = world.worker(slot.id, slot.proxy.port(), WorkerProcess.JAR);
      slots.add(slot);
    }
    slots.get(0).process.awaitOutput("ready");
    world.execute(REFUSALS);
  }

  private void reign(Duration time) throws Exception {
    long endNanos = System.nanoTime() + time.toNanos();
    while (System.nanoTime() < endNanos) {
      heal(false);
      fill();
      event();
      pause(200 + random.nextInt(1000));
    }
  }

  /** Keeps the workers busy, whatever their speed. */
  private void fill() throws SQLException {
    long due =
        world.number(
            "SELECT count(*) FROM cape_issues WHERE status = 'pending' AND run_after <= now()");
    int missing = (int) Math.max(0, MOST_DUE - due);
    inserted += missing;
    world.execute(
        "INSERT INTO cape_issues (description) SELECT 'chaos' FROM generate_series(1, %d)"
            .formatted(missing));
  }

  private void event() throws Exception {
    Slot slot = slots.get(random.nextInt(slots.size()));
    int dice = random.nextInt(100);
    if (leasesBroken && dice < 60) {
      world.execute(BREAK_THE_LEASES);
    } else if (dice < 10) {
      count("kill -9");
      World.signal(slot.process.pid(), "KILL");
      restartIn(slot, random.nextInt(21));
    } else if (dice < 13) {
      count("kill -9 in an outage");
      slot.proxy.hole(true);
      healIn(slot, 1 + random.nextInt(15));
      World.signal(slot.process.pid(), "KILL");
    } else if (dice < 17) {
      count("hand-over");
      World.signal(slot.process.pid(), "HUP");
      restartIn(slot, random.nextInt(3));
    } else if (dice < 19) {
      count("SIGSTOP of a guardian");
      harm(slot, false);
    } else if (dice < 21) {
      count("garbled folder");
      harm(slot, true);
    } else if (dice < 24 && OLD_JAR.isPresent()) {
      count(slot.old ? "upgrade" : "downgrade");
      noteRuns(slot);
      slot.old = !slot.old;
      World.signal(slot.process.pid(), random.nextBoolean() ? "KILL" : "HUP");
    } else if (dice < 29) {
      count("SIGSTOP");
      World.signal(slot.process.pid(), "STOP");
      healIn(slot, 1 + random.nextInt(15));
    } else if (dice < 35) {
      count("SIGTERM");
      World.signal(slot.process.pid(), "TERM");
    } else if (dice < 38) {
      count("restart of PostgreSQL");
      world.restartServer();
    } else if (dice < 46) {
      count("cut connections");
      slot.proxy.cut();
    } else if (dice < 55) {
      count("black hole");
      slot.proxy.hole(true);
      healIn(slot, 1 + random.nextInt(15));
    } else if (dice < 70) {
      editByHand();
    } else if (dice < 80) {
      count("cancel");
      world.execute(
          "UPDATE cape_issues SET cancel_requested_at = now() WHERE id = (SELECT issue_id"
              + " FROM cape_issue_attempts WHERE outcome = 'running' LIMIT 1)");
    } else if (dice < 87) {
      count("row lock");
      world.executeAside(HOLD_ROWS.formatted(1 + random.nextInt(8)));
    } else if (dice < 93) {
      refuse(random.nextBoolean());
    } else {
      count("lost answer");
      slot.proxy.loseAnswerTo(CLAIM_OR_SETTLE);
    }
  }

  /** What a process of an older version has run or ended is judged as it judges. */
  private void noteRuns(Slot slot) throws Exception {
    world.runs(slot.id).forEach(folder -> harmed.add(runId(folder)));
    // A claim whose answer is lost has no folder; older versions count it as lost.
    world
        .rows(
            "SELECT run_id FROM cape_issue_attempts WHERE worker_id = '%s'".formatted(slot.id)
                + " AND (outcome = 'running' OR finished_at > '%s')".formatted(slot.oldSince))
        .forEach(row -> harmed.add(row.get(0)));
  }

  /** Freezes the guardians of a run for a moment, or spoils a file of its folder. */
  private void harm(Slot slot, boolean folder) throws Exception {
    List<Path> runs = world.runs(slot.id);
    if (runs.isEmpty()) {
      return;
    }
    Path run = runs.get(random.nextInt(runs.size()));
    harmed.add(runId(run));
    try {
      if (folder) {
        Path file = run.resolve(List.of("spec", "record", "lease").get(random.nextInt(3)));
        if (random.nextBoolean()) {
          Files.writeString(file, "1\0garbled\n1 garbled 99999999\n");
        } else if (Files.exists(file)) {
          Files.writeString(file, Files.readString(file).substring(0, 5));
        }
        return;
      }
      for (String line : Files.readAllLines(run.resolve("record"))) {
        if (line.startsWith("guardian ")) {
          World.signal(Long.parseLong(line.split(" ")[1]), "STOP");
        }
      }
    } catch (IOException | RuntimeException e) {
      // It has ended meanwhile.
    }
  }

  private static String runId(Path folder) {
    String name = folder.getFileName().toString();
    return name.substring(Math.max(0, name.length() - UUID_LENGTH));
  }

  private static void restartIn(Slot slot, int seconds) {
    slot.startAtNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
  }

  private void refuse(boolean claims) throws SQLException {
    count(claims ? "refused claims" : "refused settles");
    world.execute(
        "INSERT INTO chaos_refusals VALUES (%d, %b, clock_timestamp() + interval '%d s')"
            .formatted(random.nextInt(10), claims, 1 + random.nextInt(10)));
  }

  private void editByHand() throws SQLException {
    for (List<String> row :
        world.rows("SELECT issue_id FROM cape_issue_attempts WHERE outcome = 'running' LIMIT 1")) {
      long id = Long.parseLong(row.get(0));
      edited.add(id);
      count("hand edit");
      world.execute(EDITS.get(random.nextInt(EDITS.size())).formatted(id));
    }
  }

  private void count(String event) {
    events.merge(event, 1, Integer::sum);
  }

  private static void healIn(Slot slot, int seconds) {
    slot.healAtNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
  }

  /** Starts what has died, and mends what has been broken for long enough. */
  private void heal(boolean all) throws Exception {
    for (Slot slot : slots) {
      if (all || System.nanoTime() > slot.healAtNanos) {
        slot.healAtNanos = Long.MAX_VALUE;
        World.signal(slot.process.pid(), "CONT");
        slot.proxy.hole(false);
      }
      if (slot.old || !slot.oldSince.equals(NEVER)) {
        noteRuns(slot);
      }
      if (!slot.process.isAlive() && (all || System.nanoTime() - slot.startAtNanos > 0)) {
        slot.old &= !all;
        slot.oldSince = slot.old ? Instant.now().toString() : NEVER;
        slot.process =
            world.worker(
                slot.id, slot.proxy.port(), slot.old ? OLD_JAR.orElseThrow() : WorkerProcess.JAR);
      }
    }
  }

  private void settle() throws Exception {
    String open =
        "SELECT count(*) FROM cape_issues WHERE status NOT IN ('completed', 'failed', 'cancelled')";
    String running = "SELECT count(*) FROM cape_issue_attempts WHERE outcome = 'running'";
    String refused = "SELECT count(*) FROM cape_refusals";
    world.execute("DELETE FROM chaos_refusals");
    long endNanos = System.nanoTime() + SETTLING.toNanos();
    while (System.nanoTime() < endNanos
        && world.number(open) + world.number(running) + world.number(refused) > 0) {
      heal(true);
      // Their waits grow to an hour.
      world.execute("UPDATE cape_refusals SET retry_at = now() WHERE retry_at > now()");
      // Started by hand, or by a workflow of an older worker: nobody's, as the contract says.
      world.execute(
          "UPDATE cape_issues i SET status = 'pending' WHERE status = 'started' AND id IN (%s)"
                  .formatted(
                      "-1" + edited.stream().map(id -> "," + id).collect(Collectors.joining()))
              + " AND NOT EXISTS (SELECT FROM cape_issue_attempts a WHERE a.issue_id = i.id"
              + " AND a.outcome = 'running')"
              + " AND NOT EXISTS (SELECT FROM cape_refusals r WHERE r.issue_id = i.id)");
      pause(500);
    }
    for (Slot slot : slots) {
      World.signal(slot.process.pid(), "TERM");
    }
    for (Slot slot : slots) {
      slot.process.exitCode();
    }
  }

  private boolean judge() throws Exception {
    List<String> survivors = world.processes();
    for (int i = 0; i < 20 && !survivors.isEmpty(); i++) {
      pause(250);
      survivors = world.processes();
    }
    var evidence =
        new Checker.Evidence(
            issues(), attempts(), world.traces(), edited, refused(), harmed, survivors);
    Map<Checker.Count, List<String>> found = Checker.check(evidence);
    System.out.printf(
        "chaos: %d issues, %d runs, events %s%n", inserted, evidence.attempts().size(), events);
    found.forEach(
        (count, which) ->
            System.out.printf(
                "  %-28s %d%n",
                count.name().toLowerCase(Locale.ROOT).replace('_', ' '), which.size()));
    Set<String> concerned = new TreeSet<>();
    found.values().forEach(concerned::addAll);
    for (String one : concerned) {
      tell(one);
    }
    return concerned.isEmpty();
  }

  private List<Checker.Issue> issues() throws SQLException {
    return world.rows("SELECT id, status FROM cape_issues").stream()
        .map(row -> new Checker.Issue(Long.parseLong(row.get(0)), row.get(1)))
        .toList();
  }

  private Set<Long> refused() throws SQLException {
    return world.rows("SELECT issue_id FROM cape_refusals").stream()
        .map(row -> Long.valueOf(row.get(0)))
        .collect(Collectors.toSet());
  }

  private List<Checker.Attempt> attempts() throws SQLException {
    return world
        .rows(
            "SELECT issue_id, fence, run_id, outcome, exit_code, finished_at IS NOT NULL,"
                + " coalesce(finished_at < lease_expires_at, false)"
                + " FROM cape_issue_attempts")
        .stream()
        .map(
            row ->
                new Checker.Attempt(
                    Long.parseLong(row.get(0)),
                    Long.parseLong(row.get(1)),
                    row.get(2),
                    row.get(3),
                    row.get(4),
                    row.get(5).equals("t"),
                    row.get(6).equals("t")))
        .toList();
  }

  /** The story of an issue, for whoever looks for the bug. */
  private void tell(String one) throws Exception {
    System.out.println("--- " + one + (edited.contains(number(one)) ? " (edited by hand)" : ""));
    if (!one.startsWith("issue ")) {
      return;
    }
    long id = number(one);
    world.rows("SELECT * FROM cape_issues WHERE id = " + id).forEach(System.out::println);
    world
        .rows(
            "SELECT fence, worker_id, run_id, started_at, finished_at, outcome, exit_code, lease_expires_at"
                + " FROM cape_issue_attempts WHERE issue_id = "
                + id
                + " ORDER BY fence")
        .forEach(System.out::println);
    world
        .rows("SELECT 'refused', r.* FROM cape_refusals r WHERE issue_id = " + id)
        .forEach(System.out::println);
    Path trace = world.directory.resolve("traces").resolve(Long.toString(id));
    if (Files.exists(trace)) {
      Files.readAllLines(trace).forEach(System.out::println);
    }
  }

  private static long number(String one) {
    return one.startsWith("issue ") ? Long.parseLong(one.substring("issue ".length())) : -1;
  }

  private static void pause(int millis) throws InterruptedException {
    new CountDownLatch(1).await(millis, TimeUnit.MILLISECONDS);
  }
}
