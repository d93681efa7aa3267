package com.cape.worker.worker;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.cape.worker.issue.Claim;
import com.cape.worker.issue.WorkerId;
import com.cape.worker.process.BoundedFile;
import com.cape.worker.process.DurableFile;
import com.cape.worker.process.OutputTail;
import com.cape.worker.process.RunSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The files of a run, and what is told to its command. Safe for use by several threads. */
final class RunFiles {
  private static final Logger LOG = LoggerFactory.getLogger(RunFiles.class);
  private static final Pattern RUN_DIRECTORY =
      Pattern.compile(
          "(-?[0-9]{1,19})-(-?[0-9]{1,10})-([0-9]{1,19})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})");
  private static final String NOT_STARTED = "not-started";
  private static final FileAttribute<?> PRIVATE_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final FileAttribute<?> PRIVATE_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private final WorkerId worker;
  private final RunPlan plan;
  private final LeaseTimes times;
  private final Queue<Path> settled = new ConcurrentLinkedQueue<>();

  RunFiles(WorkerId worker, RunPlan plan, LeaseTimes times) {
    this.worker = worker;
    this.plan = plan;
    this.times = times;
  }

  /** Its name says what a successor needs to know of the claim. */
  Path runDirectory(Claim claim) {
    return plan.runs()
        .resolve(
            claim.issueId() + "-" + claim.attempt() + "-" + claim.fence() + "-" + claim.runId());
  }

  private Path issueFile(Claim claim) {
    return runDirectory(claim).resolve("issue");
  }

  /** Creates the run's directory, the file with the description, and the file for the output. */
  Path create(Claim claim) throws IOException {
    Files.createDirectories(runDirectory(claim), PRIVATE_DIRECTORY);
    Set<StandardOpenOption> anew = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    try (var issueFile = Files.newByteChannel(issueFile(claim), anew, PRIVATE_FILE)) {
      ByteBuffer description = UTF_8.encode(claim.description());
      while (description.hasRemaining()) {
        issueFile.write(description);
      }
    }
    Path log = log(claim);
    Files.createDirectories(log.getParent(), PRIVATE_DIRECTORY);
    try {
      Files.createFile(log, PRIVATE_FILE);
    } catch (FileAlreadyExistsException e) {
      // Left by another database, or by one that has been created anew.
      long age = Files.getLastModifiedTime(log).toMillis();
      String name = log.getFileName().toString().replaceFirst("[.]log$", ".%d.log".formatted(age));
      Files.move(log, log.resolveSibling(name));
      Files.createFile(log, PRIVATE_FILE);
    }
    return log;
  }

  /** The file for the claim's output. */
  Path log(Claim claim) {
    return plan.issueLogs()
        .resolve(Long.toString(claim.issueId()))
        .resolve("attempt-" + claim.attempt() + "-" + claim.fence() + ".log");
  }

  /** Keeps on disk, for a successor, that the command could not be started. */
  void keepNotStarted(Claim claim, String cause) {
    try {
      Files.createDirectories(runDirectory(claim), PRIVATE_DIRECTORY);
      DurableFile.write(runDirectory(claim).resolve(NOT_STARTED), cause);
    } catch (IOException e) {
      LOG.warn("cannot keep on disk that a run did not start cause={}", e.toString());
    }
  }

  /**
   * A run that a predecessor left in the state directory.
   *
   * @param notStarted why its command could not be started
   */
  record Left(Path directory, Claim claim, Path output, Optional<String> notStarted) {}

  /** The runs that a predecessor left. What is none of them is removed. */
  List<Left> left() throws IOException {
    if (Files.notExists(plan.runs())) {
      return List.of();
    }
    List<Left> left = new ArrayList<>();
    try (Stream<Path> directories = Files.list(plan.runs())) {
      for (Path directory : directories.toList()) {
        Optional<Left> run = left(directory);
        run.ifPresentOrElse(left::add, () -> delete(directory));
      }
    }
    return left;
  }

  private Optional<Left> left(Path directory) throws IOException {
    Matcher name = RUN_DIRECTORY.matcher(directory.getFileName().toString());
    if (!name.matches()) {
      return Optional.empty();
    }
    Claim claim;
    try {
      claim =
          new Claim(
              Long.parseLong(name.group(1)),
              Integer.parseInt(name.group(2)),
              Long.parseLong(name.group(3)),
              UUID.fromString(name.group(4)),
              "",
              Optional.empty());
    } catch (NumberFormatException e) {
      return Optional.empty();
    }
    return Optional.of(new Left(directory, claim, log(claim), notStarted(directory)));
  }

  private static Optional<String> notStarted(Path directory) throws IOException {
    try {
      return Optional.of(BoundedFile.read(directory.resolve(NOT_STARTED)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /**
   * What is run for the claim.
   *
   * @param claimed when the claim was about to be sent, on the lease's clock
   */
  RunSpec spec(Claim claim, Path program, Path output, Duration claimed) {
    String id = Long.toString(claim.issueId());
    String attempt = Integer.toString(claim.attempt());
    String issueFile = issueFile(claim).toString();
    Map<String, String> added = new HashMap<>(plan.declared());
    added.put("CAPE_ISSUE_ID", id);
    added.put("CAPE_ISSUE_FILE", issueFile);
    added.put("CAPE_WORKER_ID", worker.value());
    added.put("CAPE_ATTEMPT", attempt);
    added.put("CAPE_FENCE", Long.toString(claim.fence()));
    if (claim.attempt() > 1) {
      claim.lastError().ifPresent(error -> added.put("CAPE_LAST_ERROR", error));
    }
    var placeholders =
        Map.of(
            "id", id,
            "description", claim.description(),
            "description_file", issueFile,
            "attempt", attempt,
            "worker_id", worker.value());
    return new RunSpec(
        claim.runId(),
        plan.template().expand(program.toString(), placeholders),
        added,
        plan.directory(),
        runDirectory(claim),
        output,
        plan.outputLimitBytes(),
        plan.timeout(),
        plan.grace(),
        times.deadline(claimed));
  }

  /** The end of the output, fit for people; a line that says why when it cannot be read. */
  String tail(Path output) {
    try {
      return OutputTail.of(output);
    } catch (NoSuchFileException e) {
      return "";
    } catch (IOException e) {
      LOG.warn("cannot read a run's output cause={}", e.toString());
      return "(the output cannot be read: %s)".formatted(e);
    }
  }

  /** Takes note that a run's directory may go; a run that waits to be started comes first. */
  void settled(Claim claim) {
    settled.add(runDirectory(claim));
  }

  /** Removes the directories of the runs that are settled. */
  void deleteSettled() {
    for (Path directory = settled.poll(); directory != null; directory = settled.poll()) {
      try {
        delete(directory);
      } catch (RuntimeException | Error e) { // A run may be waiting to be looked after.
        LOG.error("cannot delete a run's files directory={}", directory, e);
      }
    }
  }

  /** Removes a run's directory and what is in it; it may be missing. */
  static void delete(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
      Files.delete(directory);
    } catch (NoSuchFileException e) {
      // It could not be created, or somebody was faster.
    } catch (IOException | UncheckedIOException e) {
      LOG.warn("cannot delete a run's files directory={} cause={}", directory, e.toString());
    }
  }
}
