package com.cape.worker.worker;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import com.cape.worker.issue.Claim;
import com.cape.worker.process.BoundedFile;
import com.cape.worker.process.DurableFile;
import com.cape.worker.process.RunDirectory;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directories of a worker's runs, one for each run. That of a settled run, emptied, becomes a
 * later one's: after many files were deleted, ext4 looks longer for a new one's place (its
 * recently_deleted(), which keeps their inodes for a minute and more), up to 0.7 ms of processor
 * time for each. Safe for use by several threads.
 */
final class RunDirectories {
  private static final Logger LOG = LoggerFactory.getLogger(RunDirectories.class);
  private static final Pattern NAME =
      Pattern.compile(
          "(-?[0-9]{1,19})-(-?[0-9]{1,10})-([0-9]{1,19})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})");
  private static final String ISSUE = "issue";
  private static final String NOT_STARTED = "not-started";
  private static final FileAttribute<?> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  private static final FileAttribute<?> PRIVATE_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private final Path parent;
  private final Queue<Path> settled = new ConcurrentLinkedQueue<>();
  private final Queue<Path> spare = new ConcurrentLinkedQueue<>();

  RunDirectories(Path parent) {
    this.parent = parent;
  }

  /** Its name says what a successor needs to know of the claim. */
  Path of(Claim claim) {
    return parent.resolve(
        claim.issueId() + "-" + claim.attempt() + "-" + claim.fence() + "-" + claim.runId());
  }

  /** The file with the description. */
  Path issueFile(Claim claim) {
    return of(claim).resolve(ISSUE);
  }

  /** Creates a run's directory and the file with the description. */
  void create(Claim claim) throws IOException {
    Path one = spare.poll();
    if (one == null || !moved(one, of(claim))) {
      Files.createDirectories(of(claim), PRIVATE);
      Files.createFile(issueFile(claim), PRIVATE_FILE);
    }
    // Of all ways to write the quickest.
    try (var file = new FileOutputStream(issueFile(claim).toFile())) {
      file.write(claim.description().getBytes(UTF_8));
    }
  }

  private static boolean moved(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
      return true;
    } catch (NoSuchFileException e) { // Somebody has tidied up.
      return false;
    }
  }

  /** Keeps on disk, for a successor, that the command could not be started. */
  void keepNotStarted(Claim claim, String cause) {
    try {
      Files.createDirectories(of(claim), PRIVATE);
      DurableFile.write(of(claim).resolve(NOT_STARTED), cause);
    } catch (IOException e) {
      LOG.warn("cannot keep on disk that a run did not start cause={}", e.toString());
    }
  }

  /**
   * A run that a predecessor left.
   *
   * @param notStarted why its command could not be started
   */
  record Left(Path directory, Claim claim, Optional<String> notStarted) {}

  /** The runs that a predecessor left. What is none of them is removed. */
  List<Left> left() throws IOException {
    if (Files.notExists(parent)) {
      return List.of();
    }
    List<Left> left = new ArrayList<>();
    try (Stream<Path> directories = Files.list(parent)) {
      for (Path directory : directories.toList()) {
        Optional<Left> run = left(directory);
        run.ifPresentOrElse(left::add, () -> delete(directory));
      }
    }
    return left;
  }

  private static Optional<Left> left(Path directory) throws IOException {
    Matcher name = NAME.matcher(directory.getFileName().toString());
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
    return Optional.of(new Left(directory, claim, notStarted(directory)));
  }

  private static Optional<String> notStarted(Path directory) throws IOException {
    try {
      return Optional.of(BoundedFile.read(directory.resolve(NOT_STARTED)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  /** Takes note that a run is settled; one that waits to be started comes before its files. */
  void settled(Claim claim) {
    settled.add(of(claim));
  }

  /** Empties the directories of the runs that are settled. */
  void tidy() {
    for (Path directory = settled.poll(); directory != null; directory = settled.poll()) {
      try {
        makeSpare(directory);
      } catch (NoSuchFileException e) {
        // It could not be created, or somebody was faster.
      } catch (IOException | UncheckedIOException e) {
        LOG.debug("a run's directory cannot be used again directory={}", directory, e);
        delete(directory);
      } catch (RuntimeException | Error e) { // A run may be waiting to be looked after.
        LOG.error("cannot delete a run's files directory={}", directory, e);
      }
    }
  }

  private void makeSpare(Path directory) throws IOException {
    RunDirectory.empty(directory);
    Files.createFile(directory.resolve(ISSUE), PRIVATE_FILE);
    Path emptied = parent.resolve("spare-" + directory.getFileName());
    Files.move(directory, emptied, StandardCopyOption.ATOMIC_MOVE);
    spare.add(emptied);
  }

  /** Removes what no run needs any more. */
  void deleteAll() {
    tidy();
    for (Path directory = spare.poll(); directory != null; directory = spare.poll()) {
      delete(directory);
    }
  }

  /** Removes a run's directory and what is in it; it may be missing. */
  static void delete(Path directory) {
    try {
      if (Files.isDirectory(directory, NOFOLLOW_LINKS)) {
        try (Stream<Path> files = Files.list(directory)) {
          for (Path file : files.toList()) {
            Files.delete(file);
          }
        }
      }
      Files.delete(directory);
    } catch (NoSuchFileException e) {
      // Somebody was faster.
    } catch (IOException | UncheckedIOException e) {
      LOG.warn("cannot delete a run's files directory={} cause={}", directory, e.toString());
    }
  }
}
