package com.cape.worker.run;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import com.cape.worker.issue.Claim;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directories of a worker's runs, one for each run. The next run's is made ready while nobody
 * waits for it, out of a settled one where there is one: to create and delete files takes a
 * multiple of the time that it takes to write to them, and ext4 without a journal looks through all
 * that were deleted within a minute before it creates one. Safe for use by several threads.
 */
public final class RunDirectories {
  private static final Logger LOG = LoggerFactory.getLogger(RunDirectories.class);
  private static final Pattern NAME =
      Pattern.compile(
          "(-?[0-9]{1,19})-(-?[0-9]{1,10})-([0-9]{1,19})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})");
  private static final String ISSUE = "issue";
  private static final String NOT_STARTED = "not-started";

  private final Path parent;
  private final Queue<Path> settled = new ConcurrentLinkedQueue<>();
  private final Queue<Path> spare = new ConcurrentLinkedQueue<>();

  public RunDirectories(Path parent) {
    this.parent = parent;
  }

  /** Its name says what a successor needs to know of the claim. */
  public Path of(Claim claim) {
    return parent.resolve(
        claim.issueId() + "-" + claim.attempt() + "-" + claim.fence() + "-" + claim.runId());
  }

  /** The file with the description. */
  public Path issueFile(Claim claim) {
    return of(claim).resolve(ISSUE);
  }

  /** Makes a directory ready, unless one is. */
  public void prepare() {
    if (!spare.isEmpty()) {
      return;
    }
    Path one = spareName();
    try {
      create(one);
      spare.add(one);
    } catch (IOException | RuntimeException | Error e) { // A run may be waiting to be looked after.
      LOG.debug("no run's directory can be made ready", e);
      settled.add(one);
    }
  }

  private Path spareName() {
    return parent.resolve("spare-" + UUID.randomUUID());
  }

  /** Makes a settled run's directory ready for another one; where it cannot, that goes. */
  private void renew(Path directory) {
    Path one = spareName();
    try {
      // First, so that who is late to write into the run's own finds it gone.
      Files.move(directory, one, StandardCopyOption.ATOMIC_MOVE);
      if (holdsItsFilesAlone(one)) {
        RunDirectory.renew(one);
        // What still reads the description, say in a container, is not to read another one.
        Files.delete(one.resolve(ISSUE));
        PrivateFiles.createFile(one.resolve(ISSUE));
        spare.add(one);
        return;
      }
    } catch (IOException | RuntimeException | Error e) { // A run may be waiting to be looked after.
      LOG.debug("a run's directory cannot be used again", e);
    }
    deleteSafely(directory);
    deleteSafely(one);
  }

  private static boolean holdsItsFilesAlone(Path directory) throws IOException {
    if (!PrivateFiles.isDirectory(directory)) {
      return false;
    }
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> !name.equals(ISSUE))
          .collect(Collectors.toSet())
          .equals(RunDirectory.names());
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static void create(Path directory) throws IOException {
    PrivateFiles.createDirectories(directory);
    PrivateFiles.createFile(directory.resolve(ISSUE));
    RunDirectory.prepare(directory);
  }

  /** Creates a run's directory and the file with the description. */
  public void create(Claim claim) throws IOException {
    Path one = spare.poll();
    if (one == null || !moved(one, of(claim))) {
      create(of(claim));
    }
    // Not truncated, which would have ext4 write it to the disk at once (ext4(5): auto_da_alloc).
    Files.write(issueFile(claim), claim.description().getBytes(UTF_8), StandardOpenOption.APPEND);
  }

  /** False when a run has written into the directory, or somebody has tidied up. */
  private static boolean moved(Path from, Path to) {
    try {
      if (RunDirectory.isFile(from.resolve(ISSUE), 0) && RunDirectory.untouched(from)) {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        return true;
      }
    } catch (IOException e) {
      LOG.debug("a run's directory that was ready cannot be used", e);
    }
    delete(from);
    return false;
  }

  /** Keeps on disk, for a successor, that the command could not be started. */
  public void keepNotStarted(Claim claim, String cause) {
    try {
      PrivateFiles.createDirectories(of(claim));
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
  public record Left(Path directory, Claim claim, Optional<String> notStarted) {}

  /** The runs that a predecessor left. What is none of them is removed. */
  public List<Left> left() throws IOException {
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

  /** Takes note that a run's directory is free; a run that waits to be started comes first. */
  public void settled(Claim claim) {
    settled.add(of(claim));
  }

  /** Makes the directories of the runs that are settled ready for others. */
  public void renewSettled() {
    for (Path one = settled.poll(); one != null; one = settled.poll()) {
      renew(one);
    }
  }

  /** Removes what no run needs any more. */
  public void deleteUnused() {
    deleteAll(settled);
    deleteAll(spare);
  }

  private static void deleteAll(Queue<Path> directories) {
    for (Path one = directories.poll(); one != null; one = directories.poll()) {
      deleteSafely(one);
    }
  }

  private static void deleteSafely(Path directory) {
    try {
      delete(directory);
    } catch (RuntimeException | Error e) { // A run may be waiting to be looked after.
      LOG.error("cannot delete a run's files directory={}", directory, e);
    }
  }

  /** Removes a run's directory and what is in it; it may be missing. */
  public static void delete(Path directory) {
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
