package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import com.cape.worker.host.Machine;
import com.cape.worker.issue.Claim;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder of one run: made before the run, deleted after the settle, never reused. Worker,
 * guardian and a later worker talk to each other in its files. Each begins with a format number;
 * who reads one skips what it does not know. guardian.pl describes {@code spec} and {@code record}.
 */
public final class RunFolder {
  private static final Logger LOG = LoggerFactory.getLogger(RunFolder.class);
  private static final Pattern NAME =
      Pattern.compile(
          "(-?[0-9]{1,19})-(-?[0-9]{1,10})-([0-9]{1,19})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})");
  private static final String SET_ASIDE = "unreadable-";
  private static final String FORMAT = "1";
  private static final String NEW_RECORD = FORMAT + "\n";
  private static final String NONE = "none";

  private final Path path;
  private final Claim claim;

  private RunFolder(Path path, Claim claim) {
    this.path = path;
    this.claim = claim;
  }

  /** Creates nothing. The folder's name holds what a successor needs to know of the claim. */
  public static RunFolder of(Path runs, Claim claim) {
    String name =
        claim.issueId() + "-" + claim.attempt() + "-" + claim.fence() + "-" + claim.runId();
    return new RunFolder(runs.resolve(name), claim);
  }

  /** Creates the folder with the file of the description. */
  public static RunFolder create(Path runs, Claim claim) throws IOException {
    SafeFile.createFolders(runs);
    RunFolder folder = of(runs, claim);
    SafeFile.createFolder(folder.path);
    SafeFile.create(folder.issueFile(), claim.description().getBytes(UTF_8));
    return folder;
  }

  /**
   * The runs that a predecessor left. Renames what cannot be read, deletes what is no run's.
   *
   * @param instance of this process, for the claims
   */
  public static List<RunFolder> left(Path runs, UUID instance) throws IOException {
    if (Files.notExists(runs)) {
      return List.of();
    }
    List<RunFolder> left = new ArrayList<>();
    try (Stream<Path> folders = Files.list(runs)) {
      for (Path folder : folders.toList()) {
        if (folder.getFileName().toString().startsWith(SET_ASIDE)) {
          continue;
        }
        Optional<Claim> claim = claim(folder.getFileName().toString(), instance);
        if (claim.isEmpty()) {
          deleteSafely(folder);
        } else if (Files.isDirectory(folder, NOFOLLOW_LINKS) && Files.isReadable(folder)) {
          left.add(new RunFolder(folder, claim.get()));
        } else {
          setAside(folder);
        }
      }
    }
    return left;
  }

  private static Optional<Claim> claim(String name, UUID instance) {
    Matcher parts = NAME.matcher(name);
    try {
      return parts.matches()
          ? Optional.of(
              new Claim(
                  Long.parseLong(parts.group(1)),
                  Integer.parseInt(parts.group(2)),
                  Long.parseLong(parts.group(3)),
                  UUID.fromString(parts.group(4)),
                  instance,
                  "",
                  Optional.empty()))
          : Optional.empty();
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
  }

  private static void setAside(Path folder) {
    Path aside = folder.resolveSibling(SET_ASIDE + folder.getFileName());
    try {
      Files.move(folder, aside);
      LOG.error("cannot read what a run of the predecessor left; renamed it to {}", aside);
    } catch (IOException e) {
      LOG.error("cannot read what a run of the predecessor left folder={}", folder, e);
    }
  }

  public Claim claim() {
    return claim;
  }

  public UUID runId() {
    return claim.runId();
  }

  public Path path() {
    return path;
  }

  public Path issueFile() {
    return path.resolve("issue");
  }

  public boolean exists() {
    return Files.exists(path, NOFOLLOW_LINKS);
  }

  /** Writes for a successor that the command could not be started. */
  public void keepNotStarted(String cause) {
    try {
      SafeFile.createFolders(path);
      SafeFile.replaceDurably(notStartedFile(), cause);
    } catch (IOException e) {
      LOG.warn("cannot keep on disk that a run did not start cause={}", e.toString());
    }
  }

  /** Why the command could not be started, if that was kept. */
  public Optional<String> notStarted() {
    try {
      return SafeFile.readIfPresent(notStartedFile());
    } catch (IOException e) {
      LOG.warn("cannot read whether a run was started cause={}", e.toString());
      return Optional.empty();
    }
  }

  private Path notStartedFile() {
    return path.resolve("not-started");
  }

  /** Keeps for a successor how the run ended. Returns once that is on the disk. */
  public void keep(Ending ending) throws IOException {
    String exit = ending.exitCode().stream().mapToObj(Integer::toString).findFirst().orElse(NONE);
    String stop = ending.stopReason().map(StopReason::word).orElse(NONE);
    SafeFile.replaceDurably(
        endingFile(),
        "%s\nexit %s\nstop %s\nran %d\n".formatted(FORMAT, exit, stop, ending.ran().toMillis()));
  }

  private Path endingFile() {
    return path.resolve("ending");
  }

  /** How the run ended, if that was kept. */
  Optional<Ending> kept() throws IOException {
    Optional<String> text = SafeFile.readIfPresent(endingFile());
    try {
      return text.map(kept -> ending(values(kept, "\n")));
    } catch (NumberFormatException e) {
      throw new IOException("cannot read " + endingFile(), e);
    }
  }

  private static Ending ending(Map<String, String> values) {
    String exit = values.getOrDefault("exit", "");
    String stop = values.getOrDefault("stop", "");
    return new Ending(
        exit.equals(NONE) ? OptionalInt.empty() : OptionalInt.of(Integer.parseInt(exit)),
        stop.equals(NONE) ? Optional.empty() : Optional.of(StopReason.of(stop)),
        Duration.ofMillis(Long.parseLong(values.getOrDefault("ran", ""))),
        0,
        List.of());
  }

  /** The first value of each keyword. */
  private static Map<String, String> values(String text, String separator) {
    return Arrays.stream(text.split(separator))
        .map(line -> line.split(" ", 2))
        .filter(pair -> pair.length == 2)
        .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1], (first, next) -> first));
  }

  /** Writes what the guardian is to run, and an empty record. */
  void specify(RunSpec spec) throws IOException {
    List<String> items = new ArrayList<>();
    items.add(FORMAT);
    items.add("boot " + Machine.here().boot());
    items.add("namespace " + Machine.here().namespace());
    items.add("on-death " + (spec.keep() ? "keep" : "end"));
    Duration now = LeaseClock.now();
    items.add("began " + now.toSeconds());
    items.add("until " + now.plus(spec.timeout()).toSeconds());
    items.add("grace " + spec.grace().toSeconds());
    items.add("output-limit " + spec.outputLimitBytes());
    items.add("directory " + spec.directory());
    items.add("output " + spec.output().path());
    items.add("variable " + GuardianScript.RUN_ID + "=" + spec.runId());
    spec.added().forEach((name, value) -> items.add("variable " + name + "=" + value));
    spec.words().forEach(word -> items.add("word " + word));
    SafeFile.create(recordFile(), NEW_RECORD.getBytes(UTF_8));
    SafeFile.create(specFile(), (String.join("\0", items) + "\0").getBytes(UTF_8));
  }

  private Path specFile() {
    return path.resolve("spec");
  }

  Path recordFile() {
    return path.resolve("record");
  }

  /** Whether the run was started where this process runs. It was if nothing says otherwise. */
  boolean ofThisMachine() throws IOException {
    Map<String, String> spec = values(SafeFile.readIfPresent(specFile()).orElse(""), "\0");
    return !spec.containsKey("namespace")
        || new Machine(spec.getOrDefault("boot", ""), spec.get("namespace")).equals(Machine.here());
  }

  /**
   * What a later process needs to know of a run that its guardian has kept.
   *
   * @param guardian the starter, then the watcher
   * @param began and {@code until}, when its timeout ends: on the {@link LeaseClock}
   */
  record Kept(
      List<ProcessStart> guardian, Path output, Duration began, Duration until, Duration grace) {}

  /** Empty when the guardian is gone, or ends its runs with their worker, or is an older one. */
  Optional<Kept> keptByGuardian() throws IOException {
    Map<String, String> spec = values(SafeFile.readIfPresent(specFile()).orElse(""), "\0");
    List<ProcessStart> guardian = record().guardian();
    if (guardian.isEmpty()
        || !guardian.get(0).isAlive()
        || !"keep".equals(spec.get("on-death"))
        || !ofThisMachine()) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          new Kept(
              guardian,
              Path.of(spec.getOrDefault("output", "")),
              seconds(spec, "began"),
              seconds(spec, "until"),
              seconds(spec, "grace")));
    } catch (NumberFormatException e) {
      throw new IOException("cannot read " + specFile(), e);
    }
  }

  private static Duration seconds(Map<String, String> spec, String key) {
    return Duration.ofSeconds(Long.parseLong(spec.getOrDefault(key, "")));
  }

  /** Between TERM and KILL of this run; empty where its spec does not say it. */
  public Optional<Duration> grace() throws IOException {
    Map<String, String> spec = values(SafeFile.readIfPresent(specFile()).orElse(""), "\0");
    return Optional.ofNullable(spec.get("grace"))
        .filter(text -> text.matches("[0-9]{1,9}"))
        .map(text -> Duration.ofSeconds(Long.parseLong(text)));
  }

  /** Orders the guardian of a run that it has kept to end it. */
  void orderStop(StopReason reason) throws IOException {
    SafeFile.replace(path.resolve("stop"), reason.word() + "\n");
  }

  /** Tells the guardian of a run that it has kept until when the lease lasts now. */
  void extendLease(Duration deadline) throws IOException {
    SafeFile.replace(
        path.resolve("lease"),
        "%s %s %d\n".formatted(FORMAT, claim.instance(), deadline.toSeconds()));
  }

  /** Whether neither the guardian nor the command has touched the record. */
  boolean recordIsUntouched() {
    try {
      return SafeFile.readIfPresent(recordFile()).equals(Optional.of(NEW_RECORD));
    } catch (IOException e) {
      return false;
    }
  }

  /** Whether a part of the record is missing, which was written before the spec. */
  boolean recordIsDamaged() throws IOException {
    Optional<String> record = SafeFile.readIfPresent(recordFile());
    return record.isPresent()
        ? !record.get().startsWith(NEW_RECORD)
        : Files.exists(specFile(), NOFOLLOW_LINKS);
  }

  /** What was recorded; lines that are not complete do not count. */
  Report record() throws IOException {
    String text = SafeFile.readIfPresent(recordFile()).orElse("");
    return Report.of(text.substring(0, text.lastIndexOf('\n') + 1).lines().toList());
  }

  /** Deletes the folder and logs what fails. */
  public void delete() {
    deleteSafely(path);
  }

  private static void deleteSafely(Path folder) {
    try {
      deleteTree(folder);
    } catch (NoSuchFileException e) {
      LOG.debug("a run's folder is gone already folder={}", folder);
    } catch (IOException | RuntimeException | Error e) { // The next run does not depend on it.
      LOG.warn("cannot delete a run's folder folder={} cause={}", folder, e.toString());
    }
  }

  private static void deleteTree(Path path) throws IOException {
    if (Files.isDirectory(path, NOFOLLOW_LINKS)) {
      try (Stream<Path> files = Files.list(path)) {
        for (Path file : files.toList()) {
          deleteTree(file);
        }
      }
    }
    Files.delete(path);
  }
}
