package com.cape.worker.run;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import com.cape.worker.issue.Claim;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The log file of an attempt. It is open from its creation on, so a workflow that deletes or
 * replaces the file loses nothing. Safe for use by several threads.
 */
public final class AttemptLog implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AttemptLog.class);
  private static final int RAW_BYTES = 64 * 1024;
  private static final int MAX_TRIES = 10_000;

  private final Path path;
  private final FileChannel channel;
  // Of the open file. No other file gets its number while it is open.
  private final Object fileKey;

  private AttemptLog(Path path, FileChannel channel, Object fileKey) {
    this.path = path;
    this.channel = channel;
    this.fileKey = fileKey;
  }

  /** Creates the file. One that another database has left is renamed. */
  public static AttemptLog create(Path issueLogs, Claim claim) throws IOException {
    Path path = path(issueLogs, claim);
    for (int tries = 1; ; tries++) {
      try {
        makeRoomFor(path.getParent());
        if (Files.exists(path, NOFOLLOW_LINKS)) {
          long age = attributes(path).lastModifiedTime().toMillis();
          String name = path.getFileName().toString().replaceFirst("[.]log$", "." + age + ".log");
          Files.move(path, path.resolveSibling(name));
        }
        FileChannel channel = SafeFile.create(path);
        return new AttemptLog(path, channel, attributes(path).fileKey());
      } catch (NoSuchFileException | FileAlreadyExistsException e) {
        // Log retention deletes empty folders.
        if (tries == MAX_TRIES) {
          throw e;
        }
      }
    }
  }

  /** Opens the file of a run that goes on. */
  static AttemptLog reopen(Path path) throws IOException {
    return new AttemptLog(path, SafeFile.open(path), attributes(path).fileKey());
  }

  /** A workflow may have replaced the folder of its logs by something else, or locked it. */
  private static void makeRoomFor(Path folder) throws IOException {
    boolean usable = Files.isDirectory(folder, NOFOLLOW_LINKS) && Files.isWritable(folder);
    if (Files.exists(folder, NOFOLLOW_LINKS) && !usable) {
      Path aside = folder.resolveSibling(folder.getFileName() + ".replaced-" + UUID.randomUUID());
      Files.move(folder, aside);
      LOG.warn("the folder of an issue's logs was replaced; moved aside folder={}", aside);
    }
    SafeFile.createFolders(folder);
  }

  private static Path path(Path issueLogs, Claim claim) {
    return issueLogs
        .resolve(Long.toString(claim.issueId()))
        .resolve("attempt-" + claim.attempt() + "-" + claim.fence() + ".log");
  }

  private static BasicFileAttributes attributes(Path path) throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class, NOFOLLOW_LINKS);
  }

  /** What a predecessor's run has printed last; none when its file is missing. */
  public static RunOutput output(Path issueLogs, Claim claim) {
    try (FileChannel channel = SafeFile.open(path(issueLogs, claim))) {
      return new RunOutput(OutputTail.of(channel), OutputTail.raw(channel, RAW_BYTES));
    } catch (NoSuchFileException e) {
      return RunOutput.NONE;
    } catch (IOException e) {
      return new RunOutput(unreadable(e), "");
    }
  }

  /**
   * The file that the table names for an attempt. Whoever may write to the table can name another
   * one: empty unless a worker would have given that name, and for a link or pipe in its place.
   */
  public static Optional<Path> find(String name, long issue, int attempt, long fence) {
    String own = "issues/%d/attempt-%d-%d".formatted(issue, attempt, fence);
    if (!name.matches("/(.*/)?" + own + "(\\.\\d+)?\\.log")) {
      return Optional.empty();
    }
    try {
      return Optional.of(Path.of(name))
          .filter(file -> Files.isDirectory(file.getParent(), NOFOLLOW_LINKS))
          .filter(file -> Files.isRegularFile(file, NOFOLLOW_LINKS));
    } catch (InvalidPathException e) {
      return Optional.empty(); // The locale has no such characters.
    }
  }

  /** Opens it for reading; empty where that cannot be done. */
  public static Optional<FileChannel> open(String name, long issue, int attempt, long fence) {
    Optional<Path> found = find(name, issue, attempt, fence);
    try {
      return found.isEmpty()
          ? Optional.empty()
          : Optional.of(FileChannel.open(found.get(), StandardOpenOption.READ, NOFOLLOW_LINKS));
    } catch (IOException e) {
      return Optional.empty(); // It was deleted this moment, or is not for this user.
    }
  }

  private static String unreadable(IOException e) {
    LOG.warn("cannot read a run's output cause={}", e.toString());
    return "(the output cannot be read: %s)".formatted(e);
  }

  public Path path() {
    return path;
  }

  /** The end of the output, fit for people; a line that says why when it cannot be read. */
  public String tail() {
    try {
      return OutputTail.of(channel);
    } catch (IOException e) {
      return unreadable(e);
    }
  }

  /** The end of the output; without raw text when it cannot be read. */
  public RunOutput output() {
    try {
      return new RunOutput(tail(), OutputTail.raw(channel, RAW_BYTES));
    } catch (IOException e) {
      return new RunOutput(unreadable(e), "");
    }
  }

  /** Cuts what goes beyond the limit; false when nothing does. */
  boolean cut(long limitBytes) throws IOException {
    if (channel.size() <= limitBytes) {
      return false;
    }
    channel.truncate(limitBytes);
    return true;
  }

  /** Closes the file, and restores it where it was deleted or replaced. */
  @Override
  public void close() {
    try (channel) {
      if (!isInPlace()) {
        restore();
        LOG.warn("the run's log was deleted or replaced while it ran; restored it log={}", path);
      }
    } catch (IOException e) {
      LOG.warn("the run's log was deleted or replaced while it ran, and is lost log={}", path, e);
    }
  }

  private boolean isInPlace() throws IOException {
    try {
      return attributes(path).fileKey().equals(fileKey);
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private void restore() throws IOException {
    SafeFile.createFolders(path.getParent());
    Path copy = path.resolveSibling(path.getFileName() + "." + UUID.randomUUID());
    try (FileChannel restored = SafeFile.create(copy)) {
      for (long done = 0; done < channel.size(); ) {
        done += channel.transferTo(done, channel.size() - done, restored);
      }
    }
    Files.move(copy, path, StandardCopyOption.ATOMIC_MOVE);
  }
}
